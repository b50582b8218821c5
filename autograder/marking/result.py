"""Results as data, and their JSON and CSV forms."""

from __future__ import annotations

import csv
import functools
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

from autograder.marking.verdict import Verdict
from autograder.text import in_a_spreadsheet

if TYPE_CHECKING:
    from autograder.dojo import Comparison
    from autograder.sandbox.host.received import RanCell

SCHEMA = 1
REGRADE = "this is a fault of the autograder, not of the submission: grade it again"
Status = Literal["graded", "missing", "unreadable", "timeout", "crashed"]


@dataclass(frozen=True)
class StepResult:
    """The mark of one gradient. label: its tensor as `cmp` prints it. check: the grade_id of its check cell.

    bonus: the most that it earns beyond the maximum, for a step with a max_points of 0 that gives one.
    """

    name: str
    label: str
    check: str
    verdict: Verdict
    points: float
    max_points: float
    comparison: Comparison
    hint: str | None = None
    error: str | None = None
    bonus: float = 0.0

    @property
    def is_full(self) -> bool:
        """Whether it earned all that it can, a bonus too."""
        return self.points >= self.max_points + self.bonus

    def to_json(self) -> dict[str, Any]:
        """Return the object under `steps`; only a step with a bonus has one."""
        bonus = {"bonus": self.bonus} if self.bonus else {}
        return {
            "name": self.name,
            "verdict": self.verdict.value,
            "points": self.points,
            "max_points": self.max_points,
            **bonus,
            "maxdiff": self.comparison.maxdiff,
            "hint": self.hint,
            "error": self.error,
        }

    def to_store(self) -> dict[str, Any]:
        """Everything, for result_from_json."""
        return vars(self) | {"verdict": self.verdict.value, "comparison": vars(self.comparison)}


@dataclass(frozen=True)
class SubmissionResult:
    """The marks of one submission.

    error: why the status is not "graded". seconds: wall clock. cells: what each of its cells printed or raised in the
    notebook's own case, by cell index; known only where it has just been graded. fault: it could not be graded for a
    fault of the autograder's, so its score is no mark and must not be recorded as one.
    """

    student: str
    exercise: str
    status: Status
    score: float
    max_score: float
    seconds: float
    flags: tuple[str, ...] = ()
    error: str | None = None
    steps: tuple[StepResult, ...] = ()
    cells: Mapping[int, RanCell] = field(default_factory=dict, compare=False, repr=False)
    fault: bool = False

    @property
    def lost(self) -> tuple[StepResult, ...]:
        """The steps that did not earn all their points; a bonus that was not earned is not lost."""
        return tuple(step for step in self.steps if step.points < step.max_points)

    def to_json(self) -> dict[str, Any]:
        """Return the object under `submissions`."""
        return self._plain() | {"flags": list(self.flags), "steps": [step.to_json() for step in self.steps]}

    def to_store(self) -> dict[str, Any]:
        """Everything, for result_from_json."""
        return self._plain() | {"steps": [step.to_store() for step in self.steps]}

    def _plain(self) -> dict[str, Any]:
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("cells", "fault")}


def result_from_json(stored: dict[str, Any]) -> SubmissionResult:
    """Return the inverse of SubmissionResult.to_store. Raises KeyError, TypeError, ValueError for anything else."""
    steps = [
        _step(**step | {"comparison": tuple(step["comparison"].items())} if isinstance(step, dict) else step)
        for step in stored["steps"]
    ]
    return SubmissionResult(**stored | {"flags": tuple(stored["flags"]), "steps": tuple(steps)})


# Most steps of a class are alike, and making them is what reading a result takes.
@functools.lru_cache(maxsize=2**16)
def _step(*, verdict: str, comparison: tuple[tuple[str, Any], ...], **fields: Any) -> StepResult:
    from autograder.dojo import Comparison  # imports torch

    return StepResult(verdict=Verdict(verdict), comparison=Comparison(**dict(comparison)), **fields)


@dataclass(frozen=True)
class Late:
    """How late a submission is.

    days: begun after due date, extension and grace. free: those of them that cost nothing. penalty: for the others.
    """

    days: int = 0
    free: int = 0
    penalty: float = 0.0

    def said(self) -> str:
        """Return what a table and a page say of it; nothing where it is in time."""
        parts = [f"{self.days} day{'s' * (self.days != 1)}"] if self.days else []
        parts += [f"{self.free} of them free"] if self.free else []
        parts += [f"{self.penalty:g} taken off"] if self.penalty else []
        return f"late: {', '.join(parts)}" if parts else ""


@dataclass(frozen=True)
class ClassResult:
    """One run of `autograder grade`.

    secret: the fingerprint of the course secret. unrecorded: for each submission that has no new mark in the gradebook
    although it should have one, who and why. late: by student, those who are. absent: students who handed in nothing.
    Both are known with a gradebook.
    """

    assignment: str
    isolation: str
    secret: str
    seconds: float
    submissions: tuple[SubmissionResult, ...] = field(default=())
    unrecorded: tuple[str, ...] = ()
    late: Mapping[str, Late] = field(default_factory=dict)
    absent: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Return the document of `--json`."""
        document = {
            "schema": SCHEMA,
            "assignment": self.assignment,
            "isolation": self.isolation,
            "secret": self.secret,
            "seconds": self.seconds,
        }
        # A line for each submission: indented, a document takes ten times as long and twice the room.
        lines = (json.dumps(submission.to_json(), allow_nan=False) for submission in self.submissions)
        opening = json.dumps(document, indent=2, allow_nan=False).removesuffix("\n}")
        inside = ",\n    ".join(lines)
        inside = f"\n    {inside}\n  " if inside else ""
        return f'{opening},\n  "submissions": [{inside}]\n}}\n'

    def to_csv(self) -> str:
        """Return the document of `--csv`: a row for each submission, made for a spreadsheet."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(["student", "exercise", "status", "score", "max_score", "seconds", "lost", "flags", "error"])
        for s in self.submissions:
            lost = "; ".join(f"{step.name}: {step.verdict.value}" for step in s.lost)
            row = [s.student, s.exercise, s.status, s.score, s.max_score, s.seconds, lost, "; ".join(s.flags), s.error]
            writer.writerow([_inert(value) for value in row])
        return out.getvalue()


def _inert(value: object) -> object:
    """Return text as one line; where a spreadsheet would take it for a formula, with an apostrophe in front."""
    return in_a_spreadsheet(value) if isinstance(value, str) else value
