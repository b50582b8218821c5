"""Compare your gradients with PyTorch's.

This folder lies beside the notebook. What is here compares; the other files say why a gradient is wrong, and draw.

    cmp("probs", dprobs, probs)              one gradient against probs.grad
    cmp_all(("probs", dprobs, probs), ...)   many at once, with a count at the end
    cmp_value("update", found, expected)     a result that is no gradient
    progress()                               all steps so far, as a strip along the forward pass
"""

from __future__ import annotations

import os
import sys
import textwrap

import torch

# Said here, before anything is imported that an older one cannot even read. Tried with 3.11 and PyTorch 2.13.
if sys.version_info < (3, 10):  # noqa: UP036 (students run this with their own Python)
    raise ImportError(f"dojo needs Python 3.10 or newer, this is {sys.version.split()[0]}: use a newer kernel")
if not hasattr(torch._C, "DisableTorchFunctionSubclass"):
    raise ImportError(f"dojo needs PyTorch 2.0 or newer, this is {torch.__version__}: pip install --upgrade torch")

from .compare import Comparison, compare, compare_with_grad, difference_from

# The explainer and the pictures take ten times as long to import as what is above, and a notebook in which all is
# right needs neither: they are imported where they are first used.

__all__ = ["Comparison", "cmp", "cmp_all", "cmp_value", "compare", "progress"]

WIDTH = 80  # characters in a printed line: Jupyter breaks a longer one in the middle of a word


def cmp(s: str, dt: object, t: torch.Tensor) -> None:
    """Print how the gradient `dt` of the tensor `t`, called `s`, compares with PyTorch's `t.grad`.

    Where it is wrong, the reason follows, where one is known, and a picture of where it differs.
    """
    from . import pictures

    result = compare_with_grad(dt, t)
    reason = _reason(s, dt, t, result)
    _print_line(s, result, reason)
    if result.approximate:
        pictures.show_right()
    elif result.kind == "ok" and t.grad is not None and t.grad.numel() > 1:
        pictures.show_where(*difference_from(dt, t.grad))
    _fail_validation(s, result, reason or "the gradient is not right yet")


def cmp_value(s: str, value: object, expected: torch.Tensor) -> None:
    """Print how `value`, called `s`, compares with `expected`: `cmp` for a result that is no gradient."""
    result = compare(value, expected)
    reason = result.problem
    if reason is None and not result.approximate:
        from . import notebook

        reason = notebook.reason_for_value(value, expected)
    _print_line(s, result, reason)
    _fail_validation(s, result, reason or "it is not right yet")


def cmp_all(*rows: tuple[str, object, torch.Tensor]) -> None:
    """Print the line of `cmp` for each of the rows (name, gradient, tensor), then how many are right."""
    results = [(s, dt, t, compare_with_grad(dt, t)) for s, dt, t in rows]
    for s, dt, t, result in results:
        _print_line(s, result, _reason(s, dt, t, result))
    from . import notebook, pictures

    session = notebook.current_session()
    if session is not None and session.marked:
        strip, _ = notebook.progress_of(session)
        pictures.show_strip(*strip)
    right = sum(result.approximate for *_, result in results)
    exact = sum(result.exact for *_, result in results)
    todo = sum(result.kind == "todo" for *_, result in results)
    print(f"\n{right} of {len(results)} right, {exact} of them exact; {todo} still to do")


def progress() -> None:
    """Show every step of the exercise along the forward pass: right, wrong, to do, or not compared so far."""
    from . import notebook, pictures

    session = notebook.current_session()
    if session is None or not session.marked:
        print("no forward pass with gradients yet: run the cells from the top down to loss.backward()")
        return
    strip, reasons = notebook.progress_of(session)
    pictures.show_strip(*strip, as_text=True)
    for reason in reasons:
        _print_wrapped(reason, "", "    ")


def _reason(s: str, dt: object, t: torch.Tensor, result: Comparison) -> str | None:
    """The explanation of a wrong gradient, else what the comparison itself says; None where neither knows."""
    if result.approximate or result.kind in ("todo", "type", "reference"):
        return result.problem
    from . import notebook

    return notebook.reason_for(s, dt, t) or result.problem


def _print_line(name: str, result: Comparison, reason: str | None) -> None:
    print(result.line(name))
    if reason is not None:
        _print_wrapped(reason, f"{'':15s} | ", f"{'':15s} | ")


def _print_wrapped(sentence: str, first: str, rest: str) -> None:
    """Print a sentence in lines of WIDTH. first and rest: how the first line and all later ones begin."""
    print(textwrap.fill(sentence, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False))


def _fail_validation(name: str, result: Comparison, reason: str) -> None:
    """Raise AssertionError under nbgrader's Validate button, which counts a cell as passed unless it raises."""
    if os.environ.get("NBGRADER_EXECUTION") == "validate" and not result.approximate:
        raise AssertionError(f"{name}: {reason}")
