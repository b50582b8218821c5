"""Count uses of autograd, and replace its results by noise in hidden cases.

The numbers of a gradient do not tell whether it was derived or came from autograd: both are right. With noise in place
of autograd's results a student's own derivation stays right, because it does not depend on them, and a copied gradient
becomes wrong. In the public case, whose output the student sees, autograd works as always, so that using it in a
scratch cell costs nothing.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import torch
from torch.autograd import Variable, forward_ad

GRAD_FN: Any = vars(torch._C.TensorBase)["grad_fn"]  # the property that torch.Tensor inherits
C: Any = torch._C
# Ways to the engine that do not pass through Python. TorchScript calls it from C++, also where a function that was
# compiled in the public case is called in a hidden one.
PAST_THE_ENGINE = (
    (C, ("_ImperativeEngine", "_jit_script_compile", "_jit_script_compile_overload", "_jit_script_class_compile")),
    (C, ("import_ir_module", "import_ir_module_from_buffer", "_import_ir_module_from_package")),
    (C.CompilationUnit, ("__init__", "define")),
    (C.ScriptModule, ("_define",)),
    (C, ("_create_function_from_trace", "_create_graph_by_tracing")),
    (C.ScriptModule, ("_create_method_from_trace",)),
)

modes: Callable[[], int] = C._len_torch_dispatch_stack  # returns how many modes watch the operations of torch


def _not_here(*args: Any, **kwargs: Any) -> Any:
    raise PermissionError("TorchScript is not available while a notebook is graded; call the function itself")


class Guard:
    """Counts uses of autograd; while `poisoned` is set, its results are noise."""

    def __init__(self) -> None:
        self.uses = 0
        self.poisoned = False

    def install(self) -> None:
        """Put the guard before autograd's engine, which backward and torch.func use; disable TorchScript."""
        setattr(Variable, "_execution_engine", _Engine(Variable._execution_engine, self))  # noqa: B010
        setattr(forward_ad, "unpack_dual", self._watch(forward_ad.unpack_dual))  # noqa: B010
        # A graph's nodes can be called one by one, without the engine.
        hidden = property(lambda tensor: None if self.poisoned else GRAD_FN.__get__(tensor))
        setattr(torch.Tensor, "grad_fn", hidden)  # noqa: B010
        # Without TorchScript, torch.jit.script returns a function as it is, and forward AD loads none of it.
        os.environ["PYTORCH_JIT"] = "0"
        torch.jit._state.disable()
        for owner, names in PAST_THE_ENGINE:
            for name in names:
                setattr(owner, name, _not_here)

    def _watch(self, unpack: Callable[..., Any]) -> Callable[..., Any]:
        def unpack_dual(*args: Any, **kwargs: Any) -> Any:
            dual = unpack(*args, **kwargs)
            if dual.tangent is None:  # no use of autograd: printing any tensor asks for its tangent
                return dual
            self.uses += 1
            if self.poisoned:
                return type(dual)(dual.primal, _noise(dual.tangent))
            return dual

        return unpack_dual


class _Engine:
    """Takes the place of autograd's engine and passes calls on to it."""

    def __init__(self, engine: Any, guard: Guard) -> None:
        self._engine = engine
        self._guard = guard

    def run_backward(
        self, tensors: Any, grads: Any, keep_graph: bool, create_graph: bool, inputs: Any, *args: Any, **kwargs: Any
    ) -> Any:
        """Count the call and pass it on; while the guard is poisoned, return noise instead and put it into `.grad`.

        The engine does not run then, because hooks would see its results. Nor does it run while a mode watches, which
        could record its steps in the public case and replay them in hidden ones.
        """
        self._guard.uses += 1
        if not self._guard.poisoned and not modes():
            return self._engine.run_backward(tensors, grads, keep_graph, create_graph, inputs, *args, **kwargs)
        if not kwargs.get("accumulate_grad"):
            return tuple(map(_noise, inputs))
        with torch.no_grad():
            for leaf in inputs or _leaves(tensors):
                leaf.grad = _noise(leaf)
        return ()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._engine, name)


def _noise(like: Any, randn_like: Callable[..., torch.Tensor] = torch.randn_like) -> torch.Tensor:
    """Return random numbers of a tensor's shape. randn_like: PyTorch's own, even if a student rebinds the name."""
    with torch.no_grad():
        try:
            return randn_like(like)
        except (RuntimeError, TypeError):  # vmap forbids random numbers; an edge of a graph has no shape
            number = random.gauss(0.0, 1.0)
            return torch.full_like(like, number) if isinstance(like, torch.Tensor) else torch.tensor(number)


def _leaves(tensors: Any) -> list[torch.Tensor]:
    """Return the leaves of the graph: a backward pass from `tensors` sets their `.grad`."""
    found: list[torch.Tensor] = []
    waiting = [GRAD_FN.__get__(tensor) for tensor in tensors]
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
