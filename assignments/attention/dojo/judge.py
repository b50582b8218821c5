"""The scoring rule: from what a step held in every run and what it should hold to a verdict and its credit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch

from .compare import Comparison, compare
from .targets import UNTRIED, Checks, Held

Verdict = Literal[
    "exact", "approximate", "follow-through", "path-missing", "hard-coded", "wrong", "shape", "error", "missing",
    "timeout", "crashed", "autograd", "numerical",
]  # fmt: skip
CREDIT = {"exact": 1.0, "approximate": 1.0, "follow-through": 1.0, "path-missing": 0.5, "hard-coded": 0.5}
"""The part of a step's points that a verdict usually earns; 0 where it is not listed."""

# What is left in float32 of a gradient that is zero; where an earlier one is wrong it is far from that.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Evidence:
    """All that is known of one step of one submission.

    public: its value in the notebook's own case, None where its turn never came. truth: PyTorch's gradient there.
    end, step, true: how it compared end to end, step by step, and with true upstream gradients in place.
    vanishing: the true gradient is zero, so `end` proves nothing. earlier_wrong: earlier d-variables that are wrong.
    error: an exception of its cells. late: a cell of its ran out of time. ended: why a cell of its was left out,
    having ended the whole process. uses_autograd: autograd was called while it came about. grads: the tensors whose
    `.grad` its code reads. tensor: its own tensor. evades: its code goes around autograd's engine. numerical: it comes
    from evaluating the forward pass at shifted values. idle_path: a path that adds up to nothing is wrong.
    unset: the d-variable's name where a stub set it to None after it was right. unfinished: why not all was run.
    """

    public: Held | None
    truth: torch.Tensor
    end: Checks
    step: Checks
    vanishing: bool = False
    error: str | None = None
    late: bool = False
    ended: str | None = None
    uses_autograd: bool = False
    evades: bool = False
    grads: tuple[str, ...] = ()
    tensor: str = ""
    numerical: bool = False
    idle_path: bool = False
    unset: str = ""
    unfinished: str = ""
    true: Checks = UNTRIED
    earlier_wrong: tuple[str, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """A verdict and what is said with it. hint: a sentence for the student. error: their exception, in one line."""

    verdict: Verdict
    comparison: Comparison
    hint: str | None = None
    error: str | None = None


def judge(evidence: Evidence) -> Judgement:
    """Decide on one step. Of the ways of marking it gets the best."""
    shown = _shown(evidence)
    right_end = evidence.end.right and not evidence.vanishing
    right = right_end or evidence.step.right or evidence.true.right
    there = evidence.public is not None and evidence.public.tensor is not None
    if evidence.evades and (right or shown.approximate):
        return Judgement("autograd", shown, AUTOGRAD_HINT)
    if evidence.numerical and (right or shown.approximate):
        return Judgement("numerical", shown, NUMERICAL_HINT)
    if right:
        return _right(evidence, shown, right_end)
    if evidence.ended is not None:
        return Judgement("timeout" if evidence.late else "crashed", shown, error=evidence.ended)
    left_out = evidence.step.left_out or (() if evidence.vanishing else evidence.end.left_out)
    if left_out:
        hint = f"the gradient through {_and(left_out)} is missing"
        return Judgement("path-missing", shown, hint, evidence.error)
    if evidence.step.right_at_public_sizes or (evidence.end.right_at_public_sizes and not evidence.vanishing):
        return Judgement("hard-coded", shown, HARD_CODED_HINT, evidence.error)
    if evidence.late:
        return Judgement("timeout", shown, error=evidence.error)
    if (evidence.uses_autograd or evidence.grads) and (shown.approximate or not there):
        return Judgement("autograd", shown, _copied(evidence), evidence.error)
    if shown.approximate:
        return Judgement("wrong", shown, evidence.unfinished or _only_here(evidence), evidence.error)
    if evidence.unset:
        hint = (
            f"{evidence.unset} was right until this cell set it to None; empty the cell, or write your answer into it"
        )
        return Judgement("missing", shown, hint)
    if evidence.error is not None:
        return Judgement("error", shown, error=evidence.error)
    if not there and (evidence.public is None or evidence.public.kind in ("none", "undefined")):
        return Judgement("missing", shown, shown.problem)
    return Judgement("shape" if shown.kind == "shape" else "wrong", shown, shown.problem)


AUTOGRAD_HINT = "this gradient comes from autograd; derive it by hand"
NUMERICAL_HINT = (
    "this evaluates the forward pass at shifted values, which is numerical differentiation; derive it by hand"
)
HARD_CODED_HINT = (
    "right at this notebook's sizes only: see whether a number stands where a size such as n or x.shape belongs"
)
FOLLOWS_HINT = "right for the gradients that it was given; an earlier one is wrong"
ZERO_HINT = "the true gradient is zero here, what you see is rounding; it was marked with other upstream gradients"
IDLE_HINT = "right, but one of its paths is wrong, and happens to add nothing"
ROUNDING_HINT = "right: the difference is rounding in float32"


def _right(evidence: Evidence, shown: Comparison, right_end: bool) -> Judgement:
    left_out = evidence.step.left_out
    # cmp's tolerances are relative, and nothing is close to zero in that way.
    zero = evidence.vanishing and (shown.approximate or (shown.maxdiff is not None and shown.maxdiff <= ROUNDING))
    hint: str | None
    if not (right_end or shown.approximate or zero) and evidence.earlier_wrong:
        return Judgement("follow-through", shown, FOLLOWS_HINT, evidence.error)
    if right_end and left_out:
        hint = f"right: the gradient through {_and(left_out)}, which you left out, adds up to zero"
    elif right_end and evidence.idle_path:
        hint = IDLE_HINT
    elif zero:
        hint = ZERO_HINT
    elif shown.approximate:
        hint = None
    elif shown.kind == "ok":
        hint = ROUNDING_HINT
    else:  # what it held in the notebook is no such tensor: its code is right all the same
        hint = f"right once its cell runs: {shown.problem}"
    return Judgement("exact" if shown.exact else "approximate", shown, hint, evidence.error)


def _copied(evidence: Evidence) -> str:
    """Say that a gradient was copied; of another tensor's, which gradient of the student's own belongs there."""
    others = [name for name in evidence.grads if name not in (evidence.tensor, "")]
    if evidence.tensor not in evidence.grads and others:
        return f"this uses {others[0]}.grad, which is PyTorch's; use your own d{others[0]}"
    return AUTOGRAD_HINT


def _only_here(evidence: Evidence) -> str:
    if evidence.vanishing:
        return "the true gradient is zero here, so zeros look right; with other upstream gradients this is wrong"
    return "right for this minibatch only: with other data it is wrong"


def _shown(evidence: Evidence) -> Comparison:
    """Return what cmp shows for it in the notebook."""
    value = evidence.public
    if value is not None and value.kind == "other":
        want = tuple(evidence.truth.shape)
        return Comparison(False, False, None, "type", f"expected a tensor of shape {want}, found a {value.type}")
    return compare(None if value is None else value.tensor, evidence.truth)


def _and(names: Sequence[str]) -> str:
    return " and ".join(names)
