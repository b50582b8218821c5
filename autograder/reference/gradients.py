"""Reference gradients from the forward cell alone: end to end, step by step, and path by path.

Step by step, the forward pass is cut at every marked tensor: each is computed from detached copies of the
ones before it. What reaches a tensor is then the sum, over the marked tensors computed from it, of one
vector-Jacobian product each, with whatever upstream gradients are wanted. Autograd does the products, so any
forward cell of single assignments will do: tensors used twice in a line, tuples, steps that are not marked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from autograder.exercise.forward import Assignment

Tensors = dict[str, torch.Tensor]
# How far a float32 gradient may be from the float64 one, relative to its size, before it is rounding noise.
NOISE = 0.1


class DifferentiationError(ValueError):
    """The forward pass cannot be differentiated for a marked tensor; the message names it."""


@dataclass(frozen=True)
class Gradients:
    """Gradients with respect to each marked tensor X, by X's name.

    total: shape of X each. paths: for each X, by the name of the marked tensor (or the loss) that the path
    enters next, the part that arrives through it; the parts sum to the total.
    """

    total: Tensors
    paths: dict[str, Tensors]


@dataclass(frozen=True)
class CutForward:
    """The forward pass cut at the marked tensors.

    values: every tensor that the forward cell assigns, without a graph. outputs: each marked tensor as
    computed from the leaves, and the loss. leaves: the detached copies that later steps start from.
    """

    values: Tensors
    outputs: Tensors
    leaves: Tensors
    loss: str


def run_forward(names: Mapping[str, Any], assignments: Sequence[Assignment]) -> dict[str, Any]:
    """All names after the forward pass. Runs in the caller's grad mode."""
    after = dict(names)
    for assignment in assignments:
        exec(assignment.source, after)  # the exercise's own code, not a student's
    after.pop("__builtins__", None)
    return after


def end_to_end(names: Mapping[str, Any], assignments: Sequence[Assignment], marked: Sequence[str]) -> Tensors:
    """The gradient of the loss with respect to every marked tensor, as loss.backward() gives it.

    Raises DifferentiationError.
    """
    after = run_forward(names, assignments)
    loss = after[assignments[-1].target]
    tensors = []
    for name in marked:
        tensor = after.get(name)
        if not isinstance(tensor, torch.Tensor) or not tensor.requires_grad:
            raise DifferentiationError(f"{name} is not a tensor that requires a gradient")
        tensors.append(tensor)
    try:
        gradients = torch.autograd.grad(loss, tensors)
    except RuntimeError as error:
        raise DifferentiationError(f"the loss cannot be differentiated: {error}") from None
    return {name: gradient.detach() for name, gradient in zip(marked, gradients, strict=True)}


def cut_forward(names: Mapping[str, Any], assignments: Sequence[Assignment], marked: Sequence[str]) -> CutForward:
    """Run the forward pass, cut at every marked tensor."""
    after = dict(names)
    outputs: Tensors = {}
    leaves: Tensors = {}
    for name in marked:
        if name in after:
            leaves[name] = after[name] = after[name].detach().clone().requires_grad_()
    for assignment in assignments:
        exec(assignment.source, after)
        if assignment.target in marked:
            outputs[assignment.target] = after[assignment.target]
            leaves[assignment.target] = after[assignment.target] = after[assignment.target].detach().requires_grad_()
    loss = assignments[-1].target
    outputs.setdefault(loss, after[loss])
    values = {a.target: after[a.target].detach() for a in assignments if isinstance(after[a.target], torch.Tensor)}
    return CutForward(values, outputs, leaves, loss)


def through_steps(cut: CutForward, upstream: Mapping[str, torch.Tensor]) -> Gradients:
    """The gradients that `upstream` (by marked tensor, each of its shape) makes, one step back from each.

    The loss, where it is not marked itself, has the upstream gradient 1.
    """
    names = list(cut.leaves)
    paths: dict[str, Tensors] = {name: {} for name in names}
    for target, output in cut.outputs.items():
        if not output.requires_grad:
            continue
        gradient = upstream[target] if target in cut.leaves else torch.ones_like(output)
        # As autograd.grad's own grad_outputs, for which PyTorch imports sympy: half a second.
        product = (output * gradient).sum()
        parts = torch.autograd.grad(product, [cut.leaves[name] for name in names], retain_graph=True, allow_unused=True)
        for name, part in zip(names, parts, strict=True):
            if part is not None:
                paths[name][target] = part.detach()
    total = {name: sum(parts.values(), torch.zeros_like(cut.leaves[name])) for name, parts in paths.items()}
    return Gradients({name: value.detach() for name, value in total.items()}, paths)


def in_dtype(names: Mapping[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """The names with every floating-point tensor in another precision."""
    return {
        name: value.detach().to(dtype).requires_grad_(value.requires_grad)
        if isinstance(value, torch.Tensor) and value.is_floating_point()
        else value
        for name, value in names.items()
    }


def vanishing(in_float64: Tensors, in_float32: Tensors) -> frozenset[str]:
    """The tensors whose true gradient is zero: what is computed for them in two precisions has nothing in common."""
    return frozenset(
        name
        for name, gradient in in_float64.items()
        if not (gradient - in_float32[name].to(gradient.dtype)).norm() <= NOISE * gradient.norm() or not gradient.any()
    )


class TiesError(ValueError):
    """The forward pass takes a maximum that is reached twice, where the gradient is not defined."""


class TieWatch(torch.overrides.TorchFunctionMode):
    """Raises TiesError where a maximum or minimum along a dimension is reached more than once."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the function, then look at what it chose."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        tensor = args[0] if args else kwargs.get("input")
        if name in ("max", "min", "amax", "amin") and isinstance(tensor, torch.Tensor):
            dims = args[1] if len(args) > 1 else kwargs.get("dim")
            if not isinstance(dims, torch.Tensor):  # torch.max(a, b)
                values = tensor.detach()
                every = tuple(range(values.dim())) if dims is None or dims == () else dims
                best = values.amax(every, keepdim=True) if "max" in name else values.amin(every, keepdim=True)
                if ((values == best).sum(every) > 1).any():
                    raise TiesError(f"{name} is reached twice")
        return result
