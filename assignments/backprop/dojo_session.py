"""What the notebook knows at this moment: the forward pass that was run, its values, your gradients so far.

This file lies beside the notebook. The forward cell is found among the cells that were run, by its form.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING or __package__:
    from .dojo_explain import Explanation, explain, follows
    from .dojo_steps import Line, Route, Scene, Tensor, find_routes, read_lines
else:
    from dojo_explain import Explanation, explain, follows
    from dojo_steps import Line, Route, Scene, Tensor, find_routes, read_lines


@dataclass(frozen=True)
class Session:
    """lines: of the forward cell. names: all variables of the notebook."""

    lines: tuple[Line, ...]
    names: Mapping[str, Any]

    @property
    def marked(self) -> tuple[str, ...]:
        """The tensors of the forward pass that have a gradient of PyTorch's, in forward order."""
        found: dict[str, None] = {}
        for line in self.lines:
            found |= dict.fromkeys((*sorted(line.uses), line.target))
        return tuple(name for name in found if _grad(self.names.get(name)) is not None)

    def name_of(self, tensor: Tensor, label: str) -> str | None:
        """What the forward pass calls a tensor."""
        names = (label, *self.marked)
        return next((name for name in names if self.names.get(name) is tensor and name in self.marked), None)

    def routes(self, name: str) -> tuple[Route, ...]:
        """The lines that a tensor's gradient comes back through."""
        return find_routes(self.lines, name, self.marked)

    def why(self, found: object, name: str) -> Explanation | None:
        """What is wrong with `found` as the gradient of the tensor of this name, which it is not."""
        truth = {other: self.names[other].grad for other in self.marked}
        own = truth | {other: mine for other in self.marked if _fits(mine := self.names.get(f"d{other}"), truth[other])}
        routes, loss = self.routes(name), self.lines[-1].target
        for gradients in (truth, own):
            gradients.setdefault(loss, torch.ones(()))
        right = Scene(name, routes, self.names, truth)
        if not follows(truth[name], right):
            return None  # the values have changed since the backward pass
        shared = self._shared(found, name)
        if shared is not None:
            sentence = f"d{name} and d{shared} share their memory: what changed d{shared} changed d{name}; use .clone()"
            return Explanation("shared", sentence, "shared")
        off = [route.target for route in routes if not _same(own[route.target], truth[route.target])]
        mine = Scene(name, routes, self.names, own)
        if off and follows(found, mine):
            sentence = f"this follows from d{off[0]}, which is wrong; the step itself is right: mend d{off[0]} first"
            return Explanation("follow-through", sentence, "follow-through")
        return explain(found, mine if off else right)

    def _shared(self, found: object, name: str) -> str | None:
        """Another tensor whose gradient is right and lies in the same memory."""
        if not isinstance(found, Tensor) or type(found) is not Tensor:
            return None
        for other in self.marked:
            mine: Any = self.names.get(f"d{other}")
            truth = self.names[other].grad
            if other == name or not _fits(mine, truth) or not _same(mine, truth) or found.layout != torch.strided:
                continue
            if mine.untyped_storage().data_ptr() == found.untyped_storage().data_ptr():
                return other
        return None


def session() -> Session | None:
    """The notebook's state; None where there is no IPython, or no forward cell has been run."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    if shell is None:
        return None
    names = shell.user_ns
    for source in reversed(names.get("In", [])):
        lines = read_lines(source)
        loss = names.get(lines[-1].target) if lines else None
        # Assignments only, more than one, and the last a single number with a graph.
        if len(lines) > 1 and isinstance(loss, Tensor) and loss.numel() == 1 and loss.grad_fn is not None:
            return Session(lines, names)
    return None


def _grad(value: object) -> Tensor | None:
    # PyTorch warns where .grad is asked of a tensor that does not keep it.
    if isinstance(value, Tensor) and (value.is_leaf or value.retains_grad):
        return value.grad
    return None


def _fits(mine: Any, truth: Tensor) -> bool:
    return isinstance(mine, Tensor) and mine.shape == truth.shape and mine.is_floating_point()


def _same(mine: Tensor, truth: Tensor) -> bool:
    return torch.allclose(mine.detach().to(truth.dtype), truth)
