"""The check of a step: the line that cmp prints, what marking will say of the step, and the reason where it is wrong.

The trial, the explainer and the pictures take long to import: the first comparison imports them, not the first cell.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from .compare import ATOL, RTOL, Comparison, as_tensor, compare, compare_with_grad, difference_from, is_rounding
from .printed import print_wrapped

if TYPE_CHECKING:
    from . import verdicts

NOT_YET = "no forward pass with gradients yet: run the cells from the top down to loss.backward()"
ROUNDING = "right: the difference is rounding in float32"


def cmp(s: str, dt: object, t: torch.Tensor, rtol: float = RTOL, atol: float = ATOL, bonus: float = 0.0) -> None:
    """Print how the gradient `dt` of the tensor `t`, called `s`, compares with PyTorch's `t.grad`.

    Below it stands what marking will say of the step, tried on other data and sizes; where it is wrong, the reason,
    where one is known, and a picture of where it differs. An exercise may allow more than rounding: rtol is relative
    to each number, atol absolute. bonus: points that the step earns beyond the exercise's maximum.
    """
    from . import notebook, overview, pictures, verdicts
    from .judge import CREDIT

    result = compare_with_grad(dt, t, rtol, atol)
    session = notebook.current_session()
    said = None if session is None else verdicts.say(session, s, dt, t, (rtol, atol))
    verdict, reason = _verdict(s, dt, t, result, said)
    _print_line(s, result, reason)
    if verdict in ("right", "follows"):
        pictures.show_verdict(verdict, "" if session is None or said is None else overview.expected(session))
    elif result.kind == "ok" and not result.approximate and t.grad is not None and t.grad.numel() > 1:
        if said is None or said.stale is None:
            pictures.show_where(*difference_from(dt, t.grad, rtol, atol))
    elif verdict == "wrong" and result.approximate:
        half = said is not None and said.judgement is not None and CREDIT.get(said.judgement.verdict)
        pictures.show_verdict(verdict, f"it agrees with PyTorch here, and earns {'half' if half else 'nothing'}")
    _fail_validation(s, verdict in ("right", "follows"), reason or "the gradient is not right yet")


def cmp_path(s: str, dt: object, t: torch.Tensor, through: torch.Tensor) -> None:
    """Print how `dt` compares with the part of `t.grad` that comes back through the tensor `through` alone.

    For a gradient in several steps, before its last one. It is tried as `cmp` tries a step, and earns no point.
    """
    from . import notebook, pictures, verdicts

    session = notebook.current_session()
    name = None if session is None else session.name_of(t, s)
    way = None if session is None else session.name_of(through, "")
    part = None if session is None or name is None or way is None else session.part(name, way)
    if session is None or way is None or part is None:
        _print_line(s, Comparison(False, False, None, "reference", NOT_YET), NOT_YET)
        return
    result = compare(dt, part)
    said = verdicts.say_of_path(session, s, dt, t, way)
    verdict, reason = _verdict(s, dt, t, result, said, way)
    _print_line(s, result, reason)
    if verdict in ("right", "follows"):
        pictures.show_verdict(verdict, "one path of several, the point comes with the last")
    elif result.kind == "ok" and not result.approximate and (said is None or said.stale is None):
        pictures.show_where(*difference_from(dt, part))


def cmp_value(
    s: str,
    value: object,
    expected: torch.Tensor,
    rtol: float = RTOL,
    atol: float = ATOL,
    moves: object = None,
    of: Sequence[torch.Tensor] = (),
    bonus: float = 0.0,
) -> None:
    """Print how `value`, called `s`, compares with `expected`: `cmp` for a result that is no gradient.

    Where the student's function `s` changes tensors by their gradients, moves is what moves_of has written down of it,
    and of the list of tensors that it was tried on: where the value is wrong, they say why. bonus: as in cmp.
    """
    from . import values

    known = as_tensor(expected)
    expected = expected if known is None else known  # a Python number or a NumPy array will do
    result = compare(value, expected, rtol, atol)
    right = result.approximate or is_rounding(value, expected)
    reason = result.problem
    raised = values.raised_in(s) if result.kind == "todo" else None
    if not right and of and result.kind != "todo":
        reason = values.reason_for_update(s, moves, of) or reason
    elif not right and reason is None:
        reason = values.reason_for_value(value, expected)
    reason = raised or reason
    _print_line(s, result, reason)
    so_far = values.keep(s, "error" if raised else values.verdict_of(result, right), reason)
    if right and so_far is not None:
        from . import pictures

        pictures.show_verdict("right", so_far)
    _fail_validation(s, right, reason or "it is not right yet")


def cmp_all(*rows: tuple[str, object, torch.Tensor]) -> None:
    """Print the line of `cmp` for each of the rows (name, gradient, tensor), then how many are right."""
    from . import notebook, overview, pictures, verdicts

    session = notebook.current_session()
    known: dict[str, verdicts.Said] = {}
    right = exact = todo = 0
    for s, dt, t in rows:
        result = compare_with_grad(dt, t)
        said = None if session is None else verdicts.say(session, s, dt, t)
        verdict, reason = _verdict(s, dt, t, result, said)
        _print_line(s, result, reason)
        if said is not None:
            known[s] = said
        right += verdict in ("right", "follows")
        exact += result.exact
        todo += result.kind == "todo"
    if session is not None and session.marked:
        strip, _ = overview.progress_of(session, known)
        pictures.show_strip(*strip)
    print(f"\n{right} of {len(rows)} right, {exact} of them exact; {todo} still to do")


def _verdict(
    s: str, dt: object, t: torch.Tensor, result: Comparison, said: verdicts.Said | None, through: str = ""
) -> tuple[str, str | None]:
    """Return ("right", "follows", "wrong" or "unknown", the sentence below the line).

    through: the tensor by which the path comes back, where only one path is asked for.
    """
    from . import notebook, verdicts

    if said is None:  # no step of a forward pass: PyTorch's numbers are all there is
        if result.approximate:
            return "right", None
        if result.kind == "ok" and t.grad is not None and is_rounding(dt, t.grad):
            return "right", ROUNDING
        return "wrong", notebook.reason_for(s, dt, t) or result.problem
    if said.stale is not None:
        return "unknown", said.stale
    if said.judgement is None:
        reason = None if result.approximate else verdicts.why(s, dt, t, said, through) or result.problem
        untried = f"not tried here: {said.untried}; marking decides" if said.name else said.untried
        return "unknown", untried if reason is None else f"{reason} ({untried})"
    if verdicts.earns(said.judgement):
        state = "follows" if said.judgement.verdict == "follow-through" else "right"
        return state, verdicts.why(s, dt, t, said, through)
    return "wrong", verdicts.why(s, dt, t, said, through) or result.problem


def _print_line(name: str, result: Comparison, reason: str | None) -> None:
    print(result.line(name))
    if reason is not None:
        print_wrapped(reason, f"{'':15s} | ", f"{'':15s} | ")


def _fail_validation(name: str, right: bool, reason: str) -> None:
    """Raise AssertionError under nbgrader's Validate button, which counts a cell as passed unless it raises."""
    if os.environ.get("NBGRADER_EXECUTION") == "validate" and not right:
        raise AssertionError(f"{name}: {reason}")
