"""Grade on a worker of a cluster: what the coordinator (cluster.py) has run there, as tasks of `distributed`.

Nothing here is kept in a module: a Station is the result of a task, and ends when the coordinator lets go of it.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from contextlib import ExitStack

from autograder.course.kit import Kit, opened_kit
from autograder.marking.result import SubmissionResult
from autograder.submission.notebook import HandedIn


class Station:
    """A worker's warm grader of one exercise. Its sandbox ends with it, or with the worker."""

    def __init__(self, kit: Kit, lines: int) -> None:
        with ExitStack() as stack:
            self.grader = stack.enter_context(opened_kit(kit, lines))
            self.close = weakref.finalize(self, stack.pop_all().close)

    def __reduce__(self) -> tuple[object, ...]:
        """Refuse to travel: a worker short of memory would write it to its disk, and lose the sandbox."""
        raise TypeError("a station stays on its worker")


def prepare(kit: Kit, lines: int) -> Station:
    """Open the kit on this worker, for so many submissions at a time. Raises KitError and IsolationError."""
    return Station(kit, lines)


def grade(station: Station, batch: Sequence[tuple[str, HandedIn]]) -> list[SubmissionResult]:
    """Grade the submissions of a batch, one after the other. Never raises: whatever goes wrong is in the results."""
    return [station.grader.grade_files(student, files) for student, files in batch]
