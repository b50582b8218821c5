"""Compare a tensor with the one it should be: whether its kind, its shape and its numbers are right.

Nothing here reads the notebook or prints: `compare` returns a Comparison, whatever it is given.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any

import torch

RTOL, ATOL = 1e-5, 1e-8  # of the report line: those of torch.allclose, which are for float32 and not for marking
# A right formula in float32 differs by less, relative to the largest element; a usual mistake by more (explain/fit.py).
ROUNDING = 3e-6


@dataclass(frozen=True)
class Comparison:
    """The result of comparing one gradient with its reference.

    exact: all elements are equal bit for bit. approximate: all are equal within the tolerances. maxdiff: the largest
    absolute difference, None where there is no such number. kind: "ok", or why the two could not be compared:
    "todo", "type", "shape", "nonfinite" or "reference". problem: the same as one sentence, None when all is well.
    """

    exact: bool
    approximate: bool
    maxdiff: float | None
    kind: str = "ok"
    problem: str | None = None

    def line(self, name: str) -> str:
        """Return the report line, in fixed columns, so that many of them read as a table.

        Three digits of maxdiff are enough to judge it; with all of them half a screen breaks the number in two.
        """
        most = None if self.maxdiff is None else float(f"{self.maxdiff:.3g}")
        return f"{name:15s} | exact: {self.exact!s:5s} | approximate: {self.approximate!s:5s} | maxdiff: {most}"


def compare(dt: object, grad: torch.Tensor, rtol: float = RTOL, atol: float = ATOL) -> Comparison:
    """Compare a gradient `dt` with the reference `grad`; the tolerances default to torch.allclose's.

    The shapes must broadcast together to exactly the elements of `grad`: (64,) serves for (1, 64),
    but (32,) does not serve for (32, 1), and (32, 64) for (1, 64) is a sum that is still missing.
    Never raises: whatever `dt` is, the answer is a Comparison.
    """
    try:
        # A subclass of Tensor may answer every question as it likes: ask the tensor below it.
        with torch._C.DisableTorchFunctionSubclass():
            if isinstance(dt, torch.Tensor) and type(dt) is not torch.Tensor:
                dt = torch.Tensor.as_subclass(dt, torch.Tensor)
            return _compare(dt, grad, rtol, atol)
    except Exception:  # tensors that do not compute as others do: nested, fake, of a dtype for storage only
        sentence = f"expected an ordinary real tensor of shape {tuple(grad.shape)}, found one that cannot be compared"
        return Comparison(False, False, None, "type", sentence)


def compare_with_grad(dt: object, t: torch.Tensor, rtol: float = RTOL, atol: float = ATOL) -> Comparison:
    """Compare a gradient `dt` with `t.grad`. Returns a Comparison of kind "reference" where `t.grad` is None."""
    # PyTorch warns at length where .grad is asked of a tensor that does not keep it.
    if not (t.is_leaf or t.retains_grad) or t.grad is None:
        sentence = "PyTorch has no gradient for it yet: run the cell with loss.backward() first"
        return Comparison(False, False, None, "reference", sentence)
    return compare(dt, t.grad, rtol, atol)


def as_tensor(value: object) -> torch.Tensor | None:
    """Return numbers that are as good as a tensor, a Python number or a NumPy array, as one; None for anything else."""
    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return torch.tensor(float(value), dtype=torch.float64)
    # Not imported: a student who has a NumPy array has NumPy.
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray | numpy.number):
        try:
            return torch.tensor(value)
        except (TypeError, ValueError, RuntimeError):  # an array of objects or of text
            return None
    return None


def _compare(dt: object, grad: torch.Tensor, rtol: float, atol: float) -> Comparison:
    numbers = as_tensor(dt)
    dt = dt if numbers is None else numbers
    problem = _unusable(dt, grad)
    if problem is not None:
        kind, sentence = problem
        return Comparison(False, False, None, kind, sentence)
    assert isinstance(dt, torch.Tensor)
    with torch.no_grad():
        # One dtype for both, or allclose refuses; the wider of the two, so that nothing is rounded away.
        dtype = torch.promote_types(dt.dtype, grad.dtype)
        mine, truth = dt.detach().to(dtype), grad.detach().to(dtype)
        if not torch.isfinite(mine).all():
            sentence = "it holds NaN or inf: look for a division by zero or the log of zero"
            return Comparison(False, False, None, "nonfinite", sentence)
        if torch.all(mine == truth):
            return Comparison(exact=True, approximate=True, maxdiff=0.0)
        return Comparison(
            exact=False,
            approximate=torch.allclose(mine, truth, rtol=rtol, atol=atol),
            maxdiff=(mine - truth).abs().max().item(),
        )


def plain(dt: object) -> Any:
    """Return a detached torch.Tensor with the numbers of `dt`; `dt` itself where it has none that are comparable.

    A subclass of Tensor may answer every question as it likes, so nothing of it is called.
    """
    with torch._C.DisableTorchFunctionSubclass():
        if type(dt) is torch.Tensor:
            return dt.detach()  # also a sparse one, of which there is no such view
        if isinstance(dt, torch.Tensor):
            return torch.Tensor.as_subclass(dt, torch.Tensor).detach()
        numbers = as_tensor(dt)
        return dt if numbers is None else numbers


def difference_from(
    dt: object, grad: torch.Tensor, rtol: float = RTOL, atol: float = ATOL
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return (|dt - grad| in float64, a bool tensor of the elements outside the tolerances), both of grad's shape.

    The shape of `dt` must broadcast to that of `grad`, as compare has found.
    """
    truth = grad.detach().double()
    difference = (plain(dt).double() - truth).abs().reshape(truth.shape)
    return difference, difference > atol + rtol * truth.abs()


def is_rounding(dt: object, grad: torch.Tensor) -> bool:
    """Return whether all that `dt` differs by is what float32 leaves of a sum: little beside the largest number.

    torch.allclose asks this of each number by itself, so a small one that large ones add up to fails a right answer.
    """
    result = compare(dt, grad)
    if result.kind != "ok" or result.maxdiff is None or not grad.numel():
        return False
    return bool(result.maxdiff <= ROUNDING * grad.detach().abs().max().item())


def _unusable(dt: object, grad: torch.Tensor) -> tuple[str, str] | None:
    """Return why `dt` cannot be compared with `grad`, as (kind, sentence); None where it can."""
    want = tuple(grad.shape)
    if dt is None:
        return "todo", f"still to do: a tensor of shape {want}"
    if not isinstance(dt, torch.Tensor):
        return "type", f"expected a tensor of shape {want}, found a {type(dt).__name__}"
    if dt.layout != torch.strided or dt.is_complex() or dt.is_quantized or dt.device != grad.device:
        return "type", f"expected an ordinary real tensor, found {dt.dtype} with layout {dt.layout} on {dt.device}"
    found = tuple(dt.shape)
    if not _serves(found, want):
        return "shape", f"expected shape {want}, found {found}"
    return None


def _serves(found: tuple[int, ...], want: tuple[int, ...]) -> bool:
    """Return whether the two shapes broadcast together to exactly the elements of `want`."""
    together = list(found)
    for i, size in enumerate(reversed(want), start=1):
        if i > len(together):
            together.insert(0, size)
        elif together[-i] == 1:
            together[-i] = size
        elif size not in (1, together[-i]):
            return False
    return math.prod(together) == math.prod(want)
