"""In the sandbox: notice uses of autograd, and make what it returns worthless where marks are decided.

A gradient that came from autograd cannot be told from one that was derived by looking at its numbers: both
are right. So in hidden cases autograd's results are replaced by noise. A student's own derivation does not
depend on them and stays right; a copied gradient becomes wrong. Where the student sees their own output, in
the public case, autograd works as ever, so using it in a scratch cell costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import Variable, forward_ad


class Guard:
    """Counts uses of autograd; while `poisoned`, its results are noise."""

    def __init__(self) -> None:
        self.uses = 0
        self.poisoned = False

    def install(self) -> None:
        """Put the guard between Python and autograd's engine. Backward and torch.func all go through it."""
        setattr(Variable, "_execution_engine", _Engine(Variable._execution_engine, self))  # noqa: B010
        setattr(forward_ad, "unpack_dual", self._watch(forward_ad.unpack_dual))  # noqa: B010

    def _watch(self, unpack: Callable[..., Any]) -> Callable[..., Any]:
        def unpack_dual(*args: Any, **kwargs: Any) -> Any:
            dual = unpack(*args, **kwargs)
            if dual.tangent is None:  # printing any tensor asks for its tangent
                return dual
            self.uses += 1
            if self.poisoned:
                return type(dual)(dual.primal, torch.randn_like(dual.tangent))
            return dual

        return unpack_dual


class _Engine:
    """Autograd's engine behind the guard."""

    def __init__(self, engine: Any, guard: Guard) -> None:
        self._engine = engine
        self._guard = guard

    def run_backward(self, tensors: Any, *args: Any, **kwargs: Any) -> Any:
        """Run it; poisoned, answer with noise of the same shapes, in `.grad` too."""
        self._guard.uses += 1
        results = self._engine.run_backward(tensors, *args, **kwargs)
        if not self._guard.poisoned:
            return results
        with torch.no_grad():
            for leaf in _leaves(tensors):
                if leaf.grad is not None:
                    leaf.grad.normal_()
            return tuple(torch.randn_like(r) if isinstance(r, torch.Tensor) else r for r in results or ())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def _leaves(tensors: Any) -> list[torch.Tensor]:
    """The tensors in whose .grad a backward pass from these ends, and those that keep theirs on the way."""
    found: list[torch.Tensor] = []
    waiting = [t.grad_fn for t in tensors if isinstance(t, torch.Tensor)]
    seen: set[Any] = set()
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if hasattr(node, "variable"):
            found.append(node.variable)
        waiting += [parent for parent, _ in node.next_functions]
    return found
