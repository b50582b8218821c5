"""The scoring rule: from what a step held in every run and what it should hold to a verdict and its credit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import torch

from autograder.dojo import Comparison, compare
from autograder.recording import Value
from autograder.verdict import Verdict

# What is left in float32 of a gradient that is zero; where an earlier one is wrong it is far from that.
ROUNDING = 1e-6
MAX_PATHS = 6  # subsets of more paths than this are not searched


@dataclass(frozen=True)
class Tolerance:
    """rtol: relative to each element. atol: relative to the largest element, since sums round with their terms."""

    rtol: float
    atol: float


# A right formula agrees to about 1e-15; a forgotten epsilon of 1e-5 differs by about 1e-6.
IN_FLOAT64 = Tolerance(1e-9, 1e-12)
IN_FLOAT32 = Tolerance(2e-6, 1e-6)


class Target:
    """What one step should hold in one run: the total and, where several paths add up, what some of them make.

    total: shape and dtype of the tensor. paths: by the name of the tensor that each goes through.
    """

    def __init__(self, total: torch.Tensor, paths: Mapping[str, torch.Tensor], tolerance: Tolerance) -> None:
        self.total = total
        self._paths = paths
        self._tolerance = tolerance
        largest = float(total.abs().max()) if total.numel() else 0.0
        self._atol = tolerance.atol * largest
        self.bound = self._atol + tolerance.rtol * total.abs()

    def fitting(self, value: Value | None) -> torch.Tensor | None:
        """The recorded tensor where it has the very shape and dtype, None otherwise."""
        mine = None if value is None else value.tensor
        fits = mine is not None and mine.shape == self.total.shape and mine.dtype == self.total.dtype
        return mine if fits else None

    def check(self, value: Value | None) -> Check:
        """Compare a recorded value with the total and, where it is wrong, with the sums of some of the paths."""
        if value is None or value.tensor is None:
            return WRONG
        mine = value.tensor
        if self.fitting(value) is not None:
            # The usual case, a good deal faster than compare() and the same: NaN is never below the bound.
            if bool(((mine - self.total).abs() <= self.bound).all()):
                return RIGHT
        elif self._close(mine, self.total):
            return RIGHT
        return self._without_some_paths(mine)

    def _without_some_paths(self, mine: torch.Tensor) -> Check:
        if 2 <= len(self._paths) <= MAX_PATHS:
            for size in range(1, len(self._paths)):
                for left_out in combinations(self._paths, size):
                    parts = (part for name, part in self._paths.items() if name not in left_out)
                    some = sum(parts, torch.zeros_like(self.total))
                    # Paths that add up to nothing are no part of an answer: zeros would be one.
                    if bool((some.abs() > self.bound).any()) and self._close(mine, some):
                        return Check(False, left_out)
        return WRONG

    def _close(self, mine: torch.Tensor, truth: torch.Tensor) -> bool:
        return compare(mine, truth, self._tolerance.rtol, self._atol).approximate


@dataclass(frozen=True)
class Check:
    """One step in one run. left_out: paths whose sum is what is missing, where some but not all are there."""

    right: bool
    left_out: tuple[str, ...] = ()


RIGHT = Check(True)
WRONG = Check(False)


@dataclass(frozen=True)
class Checks:
    """A step in one mode: on the hidden cases of the notebook's own sizes, and on those of other sizes."""

    public_sizes: tuple[Check, ...]
    other_sizes: tuple[Check, ...]

    @property
    def right(self) -> bool:
        """Right on every case."""
        return all(c.right for c in (*self.public_sizes, *self.other_sizes))

    @property
    def right_at_public_sizes(self) -> bool:
        """Right on every case that has the notebook's own sizes."""
        return all(c.right for c in self.public_sizes)

    @property
    def left_out(self) -> tuple[str, ...]:
        """The paths that are left out on every case; empty where that is not so."""
        every = {c.left_out for c in (*self.public_sizes, *self.other_sizes)}
        return every.pop() if len(every) == 1 else ()


UNTRIED = Checks((WRONG,), (WRONG,))
"""A mode that was not run because the other had decided."""


@dataclass(frozen=True)
class Evidence:
    """All that is known of one step of one submission.

    public: what it held in the notebook's own case, None where its turn never came. truth: PyTorch's gradient
    there. end, step: end to end and step by step. vanishing: the true gradient is zero, so `end` proves
    nothing. error: its cells' exception. late: a cell of its ran out of time. ended: why a cell of its was
    left out, having ended the whole process. uses_autograd: autograd was called, or a .grad read, while it
    came about. evades: its code goes around autograd's engine.
    """

    public: Value | None
    truth: torch.Tensor
    end: Checks
    step: Checks
    vanishing: bool = False
    error: str | None = None
    late: bool = False
    ended: str | None = None
    uses_autograd: bool = False
    evades: bool = False
    unfinished: str = field(default="")


@dataclass(frozen=True)
class Judgement:
    """A verdict and what is said with it. hint: a sentence for the student. error: their exception, in one line."""

    verdict: Verdict
    comparison: Comparison
    hint: str | None = None
    error: str | None = None


def judge(evidence: Evidence) -> Judgement:
    """Decide on one step. Of the two ways of marking it gets the better."""
    shown = _shown(evidence)
    right_end = evidence.end.right and not evidence.vanishing
    if evidence.evades and (right_end or evidence.step.right or shown.approximate):
        return Judgement(Verdict.AUTOGRAD, shown, AUTOGRAD_HINT)
    if right_end or evidence.step.right:
        return _right(evidence, shown, right_end)
    if evidence.ended is not None:
        return Judgement(Verdict.TIMEOUT if evidence.late else Verdict.CRASHED, shown, error=evidence.ended)
    left_out = evidence.step.left_out or (() if evidence.vanishing else evidence.end.left_out)
    if left_out:
        return Judgement(Verdict.PATH_MISSING, shown, f"the gradient through {_and(left_out)} is missing")
    if evidence.step.right_at_public_sizes or (evidence.end.right_at_public_sizes and not evidence.vanishing):
        return Judgement(Verdict.HARD_CODED, shown, HARD_CODED_HINT)
    if evidence.late:
        return Judgement(Verdict.TIMEOUT, shown, error=evidence.error)
    if evidence.uses_autograd and (shown.approximate or evidence.public is None or evidence.public.tensor is None):
        return Judgement(Verdict.AUTOGRAD, shown, AUTOGRAD_HINT, evidence.error)
    if shown.approximate:
        return Judgement(Verdict.WRONG, shown, evidence.unfinished or _only_here(evidence))
    if evidence.error is not None:
        return Judgement(Verdict.ERROR, shown, error=evidence.error)
    if evidence.public is None or evidence.public.kind in ("none", "undefined"):
        return Judgement(Verdict.MISSING, shown, shown.problem)
    return Judgement(Verdict.SHAPE if shown.kind == "shape" else Verdict.WRONG, shown, shown.problem)


AUTOGRAD_HINT = "this gradient comes from autograd; derive it by hand"
HARD_CODED_HINT = "right at this notebook's sizes only: a number stands where a size such as n or x.shape belongs"
FOLLOWS_HINT = "right for the gradients that it was given; an earlier one is wrong"
ZERO_HINT = "the true gradient is zero here, what you see is rounding; it was marked with other upstream gradients"


def _right(evidence: Evidence, shown: Comparison, right_end: bool) -> Judgement:
    left_out = evidence.step.left_out
    # cmp's tolerances are relative, and nothing is close to zero in that way.
    zero = evidence.vanishing and (shown.approximate or (shown.maxdiff is not None and shown.maxdiff <= ROUNDING))
    hint: str | None
    if not (right_end or shown.approximate or zero):
        return Judgement(Verdict.FOLLOW_THROUGH, shown, FOLLOWS_HINT)
    if right_end and left_out:
        hint = f"right: the gradient through {_and(left_out)}, which you left out, adds up to zero"
    elif zero:
        hint = ZERO_HINT
    else:
        hint = None if shown.approximate else "right: the difference is rounding in float32"
    return Judgement(Verdict.EXACT if shown.exact else Verdict.APPROXIMATE, shown, hint)


def _only_here(evidence: Evidence) -> str:
    if evidence.vanishing:
        return "the true gradient is zero here, so zeros look right; with other upstream gradients this is wrong"
    return "right for this minibatch only: with other data it is wrong"


def _shown(evidence: Evidence) -> Comparison:
    """What cmp shows for it in the notebook."""
    value = evidence.public
    if value is not None and value.kind == "other":
        want = tuple(evidence.truth.shape)
        return Comparison(False, False, None, "type", f"expected a tensor of shape {want}, found a {value.type}")
    return compare(None if value is None else value.tensor, evidence.truth)


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
