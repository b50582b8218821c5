"""Compare your gradients with PyTorch's.

This folder lies beside the notebook. What is here compares; the other files say why a gradient is wrong, and draw.

    cmp("probs", dprobs, probs)              one gradient against probs.grad
    cmp_all(("probs", dprobs, probs), ...)   many at once, with a count at the end
    cmp_value("update", found, expected)     a result that is no gradient
    progress()                               all steps so far, as a strip along the forward pass
"""

from __future__ import annotations

import math
import os
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

WIDTH = 80  # characters in a line of what is said: what a printed page has room for


@dataclass(frozen=True)
class Comparison:
    """What one gradient looks like beside the reference.

    exact: equal bit for bit. approximate: equal within the tolerances. maxdiff: the largest absolute
    difference, None where there is no such number. kind: "ok", or why the two could not be compared:
    "todo", "type", "shape", "nonfinite" or "reference". problem: the same as one sentence, None when all is well.
    """

    exact: bool
    approximate: bool
    maxdiff: float | None
    kind: str = "ok"
    problem: str | None = None

    def line(self, name: str) -> str:
        """The report line: fixed columns, so that many of them read as a table."""
        return f"{name:15s} | exact: {self.exact!s:5s} | approximate: {self.approximate!s:5s} | maxdiff: {self.maxdiff}"


def compare(dt: object, grad: torch.Tensor, rtol: float = 1e-5, atol: float = 1e-8) -> Comparison:
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


def _compare(dt: object, grad: torch.Tensor, rtol: float, atol: float) -> Comparison:
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


def cmp(s: str, dt: object, t: torch.Tensor) -> None:
    """Print how the gradient `dt` of the tensor `t`, called `s`, compares with PyTorch's `t.grad`.

    Where it is wrong, the reason follows, where one is known, and a picture of where it differs.
    """
    result = _beside(dt, t)
    reason = _reason(s, dt, t, result)
    _show(s, result, reason)
    if result.approximate:
        _display(lambda view: view.mark(True, "right"), lambda view: "✓ right", prefix=None)
    elif result.kind == "ok" and t.grad is not None and t.grad.numel() > 1:
        off = _difference(dt, t.grad)
        _display(lambda view: view.where_svg(*off), lambda view: view.where_text(*off), prefix=f"{'':15s} | ")
    # nbgrader's Validate button counts a cell as passed unless it raises.
    if os.environ.get("NBGRADER_EXECUTION") == "validate" and not result.approximate:
        raise AssertionError(f"{s}: {reason or 'the gradient is not right yet'}")


def cmp_value(s: str, value: object, expected: torch.Tensor) -> None:
    """`cmp` for what is no gradient: print how `value`, called `s`, compares with what is expected."""
    result = compare(value, expected)
    _show(s, result, result.problem)
    if os.environ.get("NBGRADER_EXECUTION") == "validate" and not result.approximate:
        raise AssertionError(f"{s}: {result.problem or 'it is not right yet'}")


def cmp_all(*rows: tuple[str, object, torch.Tensor]) -> None:
    """`cmp` for many gradients at once: rows of (name, gradient, tensor). Ends with a count."""
    results = [(s, dt, t, _beside(dt, t)) for s, dt, t in rows]
    for s, dt, t, result in results:
        _show(s, result, _reason(s, dt, t, result))
    here = _session()
    if here is not None and here.marked:
        strip, _ = _progress(here)
        _display(lambda view: view.strip_svg(*strip), lambda view: view.strip_text(*strip), prefix=None)
    right = sum(result.approximate for *_, result in results)
    exact = sum(result.exact for *_, result in results)
    todo = sum(result.kind == "todo" for *_, result in results)
    print(f"\n{right} of {len(results)} right, {exact} of them exact; {todo} still to do")


def progress() -> None:
    """Show every step of the exercise along the forward pass: right, wrong, to do, or not compared so far."""
    here = _session()
    if here is None or not here.marked:
        print("no forward pass with gradients yet: run the cells from the top down to loss.backward()")
        return
    strip, reasons = _progress(here)
    _display(lambda view: view.strip_svg(*strip), lambda view: view.strip_text(*strip), prefix="")
    for reason in reasons:
        _say(reason, "", "    ")


def _beside(dt: object, t: torch.Tensor) -> Comparison:
    if t.grad is None:
        sentence = "PyTorch has no gradient for it yet: run the cell with loss.backward() first"
        return Comparison(False, False, None, "reference", sentence)
    return compare(dt, t.grad)


def _show(name: str, result: Comparison, reason: str | None) -> None:
    print(result.line(name))
    if reason is not None:
        _say(reason, f"{'':15s} | ", f"{'':15s} | ")


def _say(sentence: str, first: str, rest: str) -> None:
    """Print in lines that begin so: Jupyter breaks what is too long for it in the middle of a word."""
    print(textwrap.fill(sentence, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False))


def plain(dt: object) -> Any:
    """The tensor below a subclass of Tensor, which may answer every question as it likes."""
    with torch._C.DisableTorchFunctionSubclass():
        return torch.Tensor.as_subclass(dt, torch.Tensor).detach() if isinstance(dt, torch.Tensor) else dt


def _difference(dt: object, grad: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The absolute difference, and which elements are further off than the tolerances."""
    truth = grad.detach().double()
    difference = (plain(dt).double() - truth).abs().reshape(truth.shape)
    return difference, difference > 1e-8 + 1e-5 * truth.abs()


def _reason(s: str, dt: object, t: torch.Tensor, result: Comparison) -> str | None:
    """Why it is wrong: the explanation, else what the comparison itself says; None where neither knows."""
    if result.approximate or result.kind in ("todo", "type", "reference"):
        return result.problem
    here = _session()
    name = None if here is None else here.name_of(t, s)
    if here is None or name is None:
        return result.problem
    explanation = here.why(plain(dt), name)
    return result.problem if explanation is None else explanation.sentence


def _session() -> Any:
    """What the notebook knows; None outside of one."""
    from .session import session

    return session()


def _progress(here: Any) -> Any:
    """The strip, and the reasons that stand below it."""
    from .strip import progress_of

    return progress_of(here)


def _display(picture: Callable[[Any], str], text: Callable[[Any], str], prefix: str | None) -> None:
    """A picture in Jupyter; elsewhere its text behind a prefix, or nothing where that is None."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return
    from . import view

    shell = get_ipython()
    if shell is not None and shell.has_trait("kernel"):
        display({"text/html": picture(view), "text/plain": text(view)}, raw=True)
    elif prefix is not None:
        print(prefix + text(view))


def _unusable(dt: object, grad: torch.Tensor) -> tuple[str, str] | None:
    """Why `dt` cannot be compared with `grad`, as (kind, sentence); None where it can."""
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
    """Whether the two shapes broadcast together to exactly the elements of `want`."""
    together = list(found)
    for i, size in enumerate(reversed(want), start=1):
        if i > len(together):
            together.insert(0, size)
        elif together[-i] == 1:
            together[-i] = size
        elif size not in (1, together[-i]):
            return False
    return math.prod(together) == math.prod(want)
