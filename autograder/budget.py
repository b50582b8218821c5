"""A sandbox with an end: all runs of one submission together take no longer than its limits say."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Protocol

from autograder.limits import Limits
from autograder.recording import Recording, RunRecord, Unfinished
from autograder.student_run import Run
from autograder.submission import Submission


class Runs(Protocol):
    """What marking needs of a sandbox."""

    limits: Limits

    def run(
        self, submission: Submission, runs: Sequence[Run], skip: Sequence[int] = (), *, cell_by_cell: bool = False
    ) -> Recording:
        """Run the submission's cells once for each of `runs`."""


class Budgeted:
    """Runs one submission in a sandbox until its time is up; after that every recording is empty and says so."""

    def __init__(self, sandbox: Runs) -> None:
        self.limits = sandbox.limits
        self._sandbox = sandbox
        self._end = time.monotonic() + self.limits.total_seconds

    def run(
        self, submission: Submission, runs: Sequence[Run], skip: Sequence[int] = (), *, cell_by_cell: bool = False
    ) -> Recording:
        """As the sandbox's own. A run that was begun in time is not cut short."""
        if time.monotonic() < self._end:
            return self._sandbox.run(submission, runs, skip, cell_by_cell=cell_by_cell)
        late = Unfinished(f"stopped after {self.limits.total_seconds:g} s in all", late=True)
        return Recording(tuple(RunRecord() for _ in runs), late)
