"""Grade the next submission while the marks of the one before are recorded: its sandbox has nothing to do meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course.cache import Key
from autograder.marking.result import SubmissionResult

if TYPE_CHECKING:
    from autograder.marking.grader import Grader


@dataclass(frozen=True)
class Job:
    """A submission to grade. key: of its files as they are when it is begun; None where it cannot be graded again."""

    grader: Grader
    student: str
    path: Path
    key: Key | None


@dataclass
class _Begun:
    job: Job
    done: threading.Event = field(default_factory=threading.Event)
    result: SubmissionResult | None = None


class Ahead:
    """Grades one submission ahead, in a thread. All calls come from one other thread."""

    def __init__(self) -> None:
        self._next: dict[Path, Path] = {}
        self._begun: _Begun | None = None

    def plan(self, order: Sequence[Path]) -> None:
        """Say in which order submissions will be asked for; what was begun is forgotten."""
        self._next, self._begun = dict(pairwise(order)), None

    def after(self, path: Path) -> Path | None:
        """Return the submission that will be asked for next; None where that is not known."""
        return self._next.get(path)

    def begin(self, job: Job) -> None:
        """Begin to grade a submission. It is a daemon's work: whoever interrupts the run waits for nobody."""
        begun = self._begun = _Begun(job)

        def grade() -> None:
            try:
                begun.result = job.grader.grade_file(job.student, job.path)
            finally:
                begun.done.set()

        threading.Thread(target=grade, daemon=True).start()

    def result(self, job: Job) -> SubmissionResult:
        """Return the result of a submission, which is graded now unless it was begun as it is."""
        begun, self._begun = self._begun, None
        if begun is not None and begun.job == job and job.key is not None:
            begun.done.wait()
            if begun.result is not None and not begun.result.fault:
                return begun.result
        return job.grader.grade_file(job.student, job.path)


AHEAD = Ahead()
