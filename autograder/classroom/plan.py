"""What a run grades, and what it needs: graders, and where results are recorded."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from autograder.exercise.notebook import Exercise
from autograder.marking.result import Late, SubmissionResult

Files = Sequence[tuple[str, Path]]  # pairs of (student, submitted file)


@dataclass(frozen=True)
class Plan:
    """The submissions that one run grades.

    files: pairs of (student, submitted file) by the path of the exercise. jobs: submissions at a time. force: grade
    unchanged submissions again. keep: store the results. pattern: of the names of those whom the files are of.
    released: the folder of what students were given; how an exercise differs from that is said, unless it is None.
    """

    assignment: str
    files: dict[Path, list[tuple[str, Path]]]
    jobs: int
    force: bool = False
    keep: bool = True
    pattern: str = "*"
    released: Path | None = None


class Graders(Protocol):
    """Those who grade a run's submissions: lines of this machine (local.py) or workers of a cluster (cluster.py)."""

    def begin(self, todo: Mapping[str, int], exercises: Sequence[Exercise]) -> None:
        """Start what the run needs for these exercises. todo: how many submissions, by the name of the exercise."""

    def grade(
        self, exercise: Exercise, files: Files, stop: threading.Event
    ) -> Iterator[tuple[str, Path, SubmissionResult]]:
        """Yield each submission with its result as it is done; once `stop` is set, begin no more.

        Raises what opening a grader raises.
        """

    def close(self) -> None:
        """End all that was started."""


class GradebookWriter(Protocol):
    """The part of a gradebook that grading uses; nbgrader/direct.py implements it."""

    def check(self, exercise: Exercise) -> None:
        """Raise CourseError where the gradebook does not know the exercise."""

    def holds(self, student: str, exercise: Exercise, submitted: Path, result: SubmissionResult) -> bool:
        """Return whether this result of this file is in the gradebook, with the student's autograded notebook."""

    def write(self, student: str, exercise: Exercise, submitted: Path, result: SubmissionResult) -> None:
        """Write one result. Raises GradebookError, OSError and UnrecordedError."""

    def finish(self) -> tuple[Mapping[str, Late], Sequence[str]]:
        """Bring late penalties up to date; return by student who is late, and what failed. Raises GradebookError."""

    def students(self) -> Iterable[str]:
        """Return everybody whom the gradebook knows. Raises GradebookError."""
