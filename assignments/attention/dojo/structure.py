"""Tensors inside lists, tuples, dicts and modules: change them, and send them between processes as plain data.

Setup may keep its parameters in a dict or an nn.Module, and a forward line may make a tuple such as that of topk.
A tensor has the name that reaches it: `W`, or a path such as `params['W']` or `model.fc.weight`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import nn

MAX_PARTS = 1000  # of one container; a longer one is a data set, and no step reads it by its elements
RETURNED = "torch.return_types"  # the module of the tuples that torch's functions return
SAME = ["same", None]  # the description of what is left as it was
PLAIN = (int, float, bool, str, type(None))

Tensors = dict[str, torch.Tensor]
Structures = dict[str, Any]


def mapped(names: Mapping[str, Any], change: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, Any]:
    """Return the names with `change` applied to every tensor, those in containers too; containers are new ones.

    A tensor that is reached by several names is changed once, and all of them reach the result.
    """
    made: dict[int, torch.Tensor] = {}

    def tensor(value: torch.Tensor) -> torch.Tensor:
        if id(value) not in made:
            new = change(value)
            if isinstance(value, nn.Parameter) and not isinstance(new, nn.Parameter):
                new = nn.Parameter(new.detach(), requires_grad=new.requires_grad)
            made[id(value)] = new
        return made[id(value)]

    def any_value(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return tensor(value)
        if isinstance(value, nn.Module):
            return copy.deepcopy(value, {id(part): tensor(part) for _, part in _of_module(value)})
        if type(value) not in (list, tuple, dict) or len(value) > MAX_PARTS:
            return _returned(value, [any_value(part) for part in value]) if _is_returned(value) else value
        if type(value) is dict:
            return {key: any_value(part) for key, part in value.items()}
        return type(value)(any_value(part) for part in value)

    return {name: any_value(value) for name, value in names.items()}


def tensors_in(names: Mapping[str, Any]) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield (path, tensor) for every tensor, those in containers too; one that several paths reach has the first."""
    seen: set[int] = set()
    # Names first: a list of parameters that have names of their own is only another way to them.
    for name, value in sorted(names.items(), key=lambda item: not isinstance(item[1], torch.Tensor)):
        for path, tensor in _reached(name, value):
            if id(tensor) not in seen:
                seen.add(id(tensor))
                yield path, tensor


def names_of(listed: object, names: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names that the tensors of a list have of their own, or their places in it; () for what is no list.

    Of several names the first counts: a later one is that of a loop's variable.
    """
    if not isinstance(listed, list | tuple):
        return ()
    own: dict[int, str] = {}
    for name, value in names.items():
        if isinstance(value, torch.Tensor) and not name.startswith("_"):
            own.setdefault(id(value), name)
    return tuple(own.get(id(part), f"[{number}]") for number, part in enumerate(listed))


def value_at(names: Mapping[str, Any], path: str) -> Any:
    """Return what a path such as `params['W']` reaches; None where it reaches nothing."""
    if path in names or path.isidentifier():
        return names.get(path)
    try:
        return eval(path, {"__builtins__": {}}, dict(names))  # the exercise's own text
    except Exception:
        return None


def described(names: Mapping[str, Any]) -> tuple[Tensors, Structures]:
    """Return (tensors by path, descriptions of containers by name), from which `rebuilt` makes the containers again.

    A description is plain JSON. What is neither a tensor nor a plain value stays the one of the container before.
    """
    tensors = dict(tensors_in(names))
    paths = {id(tensor): path for path, tensor in tensors.items()}
    structures = {}
    for name, value in names.items():
        if isinstance(value, (torch.Tensor, *PLAIN)):
            continue
        found = _description(value, paths)
        if found != SAME:
            structures[name] = found
    return tensors, structures


def rebuilt(structures: Structures, tensors: Tensors, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the containers that `described` has described. before: modules of these names are copied from it."""

    def value(found: Any, old: Any) -> Any:
        kind, content = found
        if kind == "tensor":
            return tensors[content]
        if kind == "plain":
            return content
        if kind == "module":
            parts = {id(part): _as(part, tensors[content[path]]) for path, part in _of_module(old) if path in content}
            return copy.deepcopy(old, parts)
        if kind == "same":
            return old
        if kind == "dict":
            return {key: value(part, old.get(key) if isinstance(old, dict) else None) for key, part in content}
        olds = old if isinstance(old, list | tuple) and len(old) == len(content) else [None] * len(content)
        parts_of = [value(part, was) for part, was in zip(content, olds, strict=True)]
        if kind == "list":
            return parts_of
        if kind == "tuple":
            return tuple(parts_of)
        return torch.Size(parts_of) if kind == "size" else getattr(torch.return_types, kind)(parts_of)

    return {
        name: value(found, before.get(name))
        for name, found in structures.items()
        if found[0] != "module" or isinstance(before.get(name), nn.Module)
    }


def _as(part: torch.Tensor, new: torch.Tensor) -> torch.Tensor:
    return nn.Parameter(new, requires_grad=new.requires_grad) if isinstance(part, nn.Parameter) else new


def _of_module(module: nn.Module) -> list[tuple[str, torch.Tensor]]:
    return [*module.named_parameters(), *module.named_buffers()]


def _is_returned(value: Any) -> bool:
    return isinstance(value, tuple) and type(value).__module__ == RETURNED


def _returned(value: Any, parts: list[Any]) -> Any:
    return type(value)(parts)


def _reached(path: str, value: Any) -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(value, torch.Tensor):
        yield path, value
    elif isinstance(value, nn.Module):
        yield from ((f"{path}.{inner}", tensor) for inner, tensor in _of_module(value))
    elif type(value) is dict and len(value) <= MAX_PARTS:
        for key, part in value.items():
            yield from _reached(f"{path}[{key!r}]", part)
    elif (type(value) in (list, tuple) or _is_returned(value)) and len(value) <= MAX_PARTS:
        for number, part in enumerate(value):
            yield from _reached(f"{path}[{number}]", part)


def _description(value: Any, paths: Mapping[int, str]) -> Any:
    """Return [kind, content] of a value as JSON."""
    if isinstance(value, torch.Tensor):
        return ["tensor", paths[id(value)]] if id(value) in paths else SAME
    if isinstance(value, PLAIN):
        return ["plain", value]
    if isinstance(value, nn.Module):
        return ["module", {path: paths[id(part)] for path, part in _of_module(value)}]
    if isinstance(value, torch.Size):
        return ["size", [["plain", part] for part in value]]
    if type(value) is dict and len(value) <= MAX_PARTS and all(isinstance(key, PLAIN) for key in value):
        return ["dict", [[key, _description(part, paths)] for key, part in value.items()]]
    if (type(value) in (list, tuple) or _is_returned(value)) and len(value) <= MAX_PARTS:
        return [type(value).__name__, [_description(part, paths) for part in value]]
    return SAME
