"""Set random upstream gradients in the student's names, so that each step is judged apart from the earlier ones."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from sys import getrefcount
from types import GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any

import torch

from autograder.dojo.structure import MAX_PARTS


class Upstream:
    """Sets random upstream gradients in the student's names, each once its step is recorded, in one stepwise run.

    gradients: by d-variable. case: the names of the case, whose tensors are never replaced.
    """

    def __init__(self, gradients: Mapping[str, torch.Tensor], case: Mapping[str, Any]) -> None:
        self._gradients = gradients
        self._case = {id(value): value for value in case.values()}  # kept, so that no identity is used again
        self._given: dict[str, tuple[torch.Tensor, int] | None] = {}

    def take_over(self, recorded: Iterable[str]) -> None:
        """Give these d-variables their random gradients from now on."""
        self._given.update({name: None for name in recorded if name in self._gradients})

    def renew(self, names: dict[str, Any]) -> None:
        """Set every such d-variable again where a cell has assigned it or changed it in place."""
        for name, given in self._given.items():
            if given is not None and names.get(name) is given[0] and given[0]._version == given[1]:
                continue
            old, fresh = names.get(name), self._gradients[name].clone()
            # Mostly nothing but the name itself holds it, and there is nothing to look for.
            if given is None and getrefcount(old) > getrefcount(fresh) + 1:
                self._set_aliases(name, old, fresh, names)
            names[name] = fresh
            self._given[name] = fresh, fresh._version

    def _set_aliases(self, name: str, old: object, fresh: torch.Tensor, names: dict[str, Any]) -> None:
        """Set what else holds a d-variable's tensor: another name (`g`), an entry (`grads["dx"]`), an attribute.

        Where other d-variables hold that tensor too, only what has this one's own name is known to be meant.
        """
        if not issubclass(type(old), torch.Tensor) or id(old) in self._case:
            return
        shared = any(names.get(other) is old for other in self._gradients if other != name)
        own = [value for value in names.values() if id(value) not in self._case]
        for place in [names, *map(_entries, own)]:
            for key in [key for key, value in _items(place) if value is old]:
                if key == name or not (shared or (place is names and key in self._gradients)):
                    place[key] = fresh


def _entries(value: object) -> dict[Any, Any] | list[Any]:
    """Return the entries of a container, or the attributes of an object, that can be set; none where it has many."""
    found = value if type(value) in (dict, list) else _attributes(value)
    return found if isinstance(found, dict | list) and len(found) <= MAX_PARTS else {}


def _attributes(value: object) -> object:
    """Return the attributes of an object without running any code of its class, which would have no time limit."""
    if type(type(value)) is not type or issubclass(type(value), ModuleType | torch.Tensor):
        return None
    kept = next((kind.__dict__["__dict__"] for kind in type(value).__mro__ if "__dict__" in kind.__dict__), None)
    return kept.__get__(value) if isinstance(kept, GetSetDescriptorType | MemberDescriptorType) else None


def _items(place: dict[Any, Any] | list[Any]) -> Iterable[tuple[Any, Any]]:
    return list(place.items() if isinstance(place, dict) else enumerate(place))
