"""The scoring rule: from what a step held and what it should hold to a verdict and its credit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import torch

from autograder.provenance import reads_grad, runs_autograd
from autograder.recording import RanCell, Recording, Value
from autograder.student.dojo import Comparison, compare


class Verdict(StrEnum):
    """What a step is found to be; the words that people see."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    WRONG = "wrong"
    SHAPE = "shape"
    ERROR = "error"
    MISSING = "missing"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    AUTOGRAD = "autograd"


CREDIT = {Verdict.EXACT: 1.0, Verdict.APPROXIMATE: 1.0}
"""The part of a step's points that a verdict earns; 0 where it is not listed."""


@dataclass(frozen=True)
class Judgement:
    """A verdict and what is said with it. hint: a sentence for the student. error: their exception, in one line."""

    verdict: Verdict
    comparison: Comparison
    hint: str | None = None
    error: str | None = None


NOTHING = Comparison(False, False, None)


def judge(
    recording: Recording, name: str, sources: Sequence[str], cells: Sequence[int], truth: torch.Tensor
) -> Judgement:
    """Decide on one d-variable.

    name: the d-variable. sources and cells: the code and the places of its own solution cells.
    truth: the reference gradient, in the tensor's shape and dtype.
    """
    value = recording.values.get(name)
    ran = [recording.cells[index] for index in cells if index in recording.cells]
    error = next((cell.error for cell in ran if cell.error is not None), None)
    if value is None:
        return _never_recorded(recording)
    comparison = _compare(value, truth)
    if any(runs_autograd(source) for source in sources):
        return Judgement(Verdict.AUTOGRAD, comparison, AUTOGRAD_HINT, error)
    if comparison.approximate:
        return Judgement(Verdict.EXACT if comparison.exact else Verdict.APPROXIMATE, comparison)
    if any(reads_grad(source) for source in sources):
        return Judgement(Verdict.AUTOGRAD, comparison, AUTOGRAD_HINT, error)
    if error is not None:
        return Judgement(Verdict.TIMEOUT if _timed_out(ran) else Verdict.ERROR, comparison, error=error)
    if value.kind in ("none", "undefined"):
        return Judgement(Verdict.MISSING, comparison, comparison.problem)
    verdict = Verdict.SHAPE if comparison.kind == "shape" else Verdict.WRONG
    return Judgement(verdict, comparison, comparison.problem)


AUTOGRAD_HINT = "this uses autograd (.grad, backward, vjp, ...); derive the gradient by hand"


def _compare(value: Value, truth: torch.Tensor) -> Comparison:
    if value.kind == "other":
        want = tuple(truth.shape)
        return Comparison(False, False, None, "type", f"expected a tensor of shape {want}, found a {value.type}")
    return compare(value.tensor, truth)


def _never_recorded(recording: Recording) -> Judgement:
    """The run ended before the step's turn came."""
    verdict = Verdict.TIMEOUT if recording.ending == "timeout" else Verdict.CRASHED
    return Judgement(verdict, NOTHING, error=f"not reached: {recording.detail}")


def _timed_out(cells: Sequence[RanCell]) -> bool:
    return any(cell.timed_out for cell in cells)
