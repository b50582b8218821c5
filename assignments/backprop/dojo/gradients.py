"""Compute reference gradients from the forward cell alone: end to end, step by step, and path by path.

Step by step, the forward pass is cut at every marked tensor: each is computed from detached copies of the earlier
ones. The gradient of a tensor is then a sum over the marked tensors computed from it, with one vector-Jacobian
product for each, for any upstream gradients. Autograd computes the products, so any forward cell of single
assignments will do: tensors used twice in a line, tuples, steps that are not marked.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from .structure import mapped, value_at

Tensors = dict[str, torch.Tensor]
# A gradient vanishes where its float32 and float64 values differ by more than this, relative to its norm. In all cases
# of the four exercises the ratio is at most 4.4e-7 where there is a gradient, and at least 3.7e8 where it vanishes;
# `pytest tests/dojo/test_gradients.py -k noise` measures the notebook's own case of exercise 1 again.
NOISE = 0.1


class ForwardLine(Protocol):
    """One line of the forward pass."""

    @property
    def target(self) -> str:
        """The name it assigns."""

    @property
    def uses(self) -> Collection[str]:
        """The names it reads."""

    @property
    def source(self) -> str:
        """Its text."""


class LineError(ValueError):
    """Raised where a line of the forward cell raises; the message has the line and its error."""


class DifferentiationError(ValueError):
    """Raised where the loss cannot be differentiated for a marked tensor; the message names it."""


@dataclass(frozen=True)
class Gradients:
    """The gradient of each marked tensor X, by the name of X.

    total: the whole gradient, of X's shape. paths: for each X, the part of the gradient that arrives through each path,
    by the name of the marked tensor (or the loss) that the path enters next; the parts add up to the total.
    """

    total: Tensors
    paths: dict[str, Tensors]


@dataclass(frozen=True)
class CutForward:
    """The forward pass cut at the marked tensors.

    values: everything that the forward cell assigns, without a graph. outputs: each marked tensor as computed from
    the leaves, and the loss. leaves: the detached copies that later steps start from. loss: its name.
    """

    values: dict[str, Any]
    outputs: Tensors
    leaves: Tensors
    loss: str


def run_forward(names: Mapping[str, Any], assignments: Sequence[ForwardLine]) -> dict[str, Any]:
    """Run the forward pass on `names`, in the caller's grad mode, and return all names. Raises LineError."""
    after = dict(names)
    for assignment in assignments:
        _run_line(assignment, after)
    after.pop("__builtins__", None)
    return after


def _run_line(assignment: ForwardLine, names: dict[str, Any]) -> None:
    try:
        exec(assignment.source, names)  # the exercise's own code, not a student's
    except TiesError:
        raise
    except Exception as error:
        said = str(error).strip().partition("\n")[0]
        raise LineError(f"the forward cell failed in `{assignment.source}`: {type(error).__name__}: {said}") from None


def end_to_end(names: Mapping[str, Any], assignments: Sequence[ForwardLine], marked: Sequence[str]) -> Tensors:
    """Return the gradient of the loss for every marked tensor, as loss.backward() gives it, each of the tensor's shape.

    Raises DifferentiationError.
    """
    if not marked:
        return {}
    after = run_forward(names, assignments)
    loss = after[assignments[-1].target]
    tensors = []
    for name in marked:
        tensor = value_at(after, name)
        if not isinstance(tensor, torch.Tensor) or not tensor.requires_grad:
            raise DifferentiationError(f"{name} is not a tensor that requires a gradient")
        tensors.append(tensor)
    if not isinstance(loss, torch.Tensor) or loss.numel() != 1:
        kind = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, torch.Tensor) else type(loss).__name__
        raise DifferentiationError(
            f"the last line of the forward cell makes {assignments[-1].target}, {kind}; the last line must make the "
            "loss, a single number"
        )
    try:
        gradients = torch.autograd.grad(loss, tensors, allow_unused=True)
    except RuntimeError as error:
        raise DifferentiationError(f"the loss cannot be differentiated: {error}") from None
    found = dict(zip(marked, gradients, strict=True))
    for name, gradient in found.items():
        if gradient is None:
            raise DifferentiationError(
                f"{name} has no gradient: no line on the way to {assignments[-1].target} reads it"
            )
    return {name: gradient.detach() for name, gradient in found.items() if gradient is not None}


def cut_forward(names: Mapping[str, Any], assignments: Sequence[ForwardLine], marked: Sequence[str]) -> CutForward:
    """Run the forward pass on `names`, cut at every marked tensor. Raises LineError."""
    before = {name: value_at(names, name) for name in marked}
    cut_at = {id(value) for value in before.values() if isinstance(value, torch.Tensor)}
    # Inside a container of setup too: a line may read params["W"], or call a module.
    after = mapped(names, lambda t: t.detach().clone().requires_grad_() if id(t) in cut_at else t) if cut_at else {}
    after = {**names, **after}
    leaves = {name: value_at(after, name) for name in marked if isinstance(before[name], torch.Tensor)}
    outputs: Tensors = {}
    for assignment in assignments:
        _run_line(assignment, after)
        if assignment.target in marked:
            outputs[assignment.target] = after[assignment.target]
            leaves[assignment.target] = after[assignment.target] = after[assignment.target].detach().requires_grad_()
    if not assignments:
        return CutForward({}, outputs, leaves, "")
    loss = assignments[-1].target
    outputs.setdefault(loss, after[loss])
    made = {assignment.target: after[assignment.target] for assignment in assignments}
    return CutForward(mapped(made, torch.Tensor.detach), outputs, leaves, loss)


def through_steps(cut: CutForward, upstream: Mapping[str, torch.Tensor]) -> Gradients:
    """Return the gradients one step back from each marked tensor, for the given upstream gradients.

    upstream: by marked tensor, each of its shape. The loss has 1, where it is not marked itself.
    """
    names = list(cut.leaves)
    paths: dict[str, Tensors] = {name: {} for name in names}
    for target, output in cut.outputs.items():
        if not names or not output.requires_grad:
            continue
        gradient = upstream[target] if target in cut.leaves else torch.ones_like(output)
        # autograd.grad takes grad_outputs for this, but then imports sympy, which takes half a second.
        product = (output * gradient).sum()
        parts = torch.autograd.grad(product, [cut.leaves[name] for name in names], retain_graph=True, allow_unused=True)
        for name, part in zip(names, parts, strict=True):
            if part is not None:
                paths[name][target] = part.detach()
    total = {name: sum(parts.values(), torch.zeros_like(cut.leaves[name])) for name, parts in paths.items()}
    return Gradients({name: value.detach() for name, value in total.items()}, paths)


def in_dtype(names: Mapping[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """Return the names with every floating-point tensor converted to `dtype`, as a leaf of its own."""
    return mapped(
        names,
        lambda t: t.detach().to(dtype).requires_grad_(t.requires_grad) if t.is_floating_point() else t,
    )


def vanishing(in_float64: Tensors, in_float32: Tensors) -> frozenset[str]:
    """Return the names of tensors whose true gradient is zero.

    Such a gradient is rounding, so its values in two precisions have nothing in common.
    """
    return frozenset(
        name
        for name, gradient in in_float64.items()
        if not (gradient - in_float32[name].to(gradient.dtype)).norm() <= NOISE * gradient.norm() or not gradient.any()
    )


class TiesError(ValueError):
    """Raised where the forward pass takes a maximum that is reached twice: there is no gradient there."""


class TieWatch(torch.overrides.TorchFunctionMode):
    """A mode of torch that raises TiesError where a maximum or minimum along a dimension is reached more than once."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the function, then look for ties in its argument."""
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
