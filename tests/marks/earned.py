"""What a submission's steps have earned."""

from __future__ import annotations

from autograder.marking.result import SubmissionResult
from autograder.marking.verdict import CREDIT

HALF = frozenset({"path-missing", "hard-coded"})


def lost_of(result: SubmissionResult) -> list[str]:
    """What did not get full credit, also of steps without points; of a submission that is not graded, the reason."""
    if result.status != "graded":
        return [f"{result.status}: {result.error}"]
    return [f"{s.name}: {s.verdict} ({s.hint or s.error})" for s in result.steps if CREDIT.get(s.verdict, 0.0) < 1.0]


def credit_of(result: SubmissionResult, step: str) -> float:
    """The credit of a step; half of it is none here."""
    (found,) = [s for s in result.steps if s.name == step]
    return 0.0 if found.verdict in HALF else CREDIT.get(found.verdict, 0.0)
