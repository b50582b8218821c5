"""Run a submission's cells in a sandbox, within the time it has, and without a cell that ends the process."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

import torch

from autograder.sandbox.host.received import Recording, RunRecord, Unfinished
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import Request, Run
from autograder.submission.halfway import half_made
from autograder.submission.notebook import Submission

Upstream = Mapping[int, Mapping[str, torch.Tensor]]  # by case, upstream gradients by d-variable


class Runs(Protocol):
    """What marking needs of a sandbox."""

    limits: Limits

    def run(self, request: Request) -> Recording:
        """Run a submission's cells once for each run of the request."""


class Budgeted:
    """Runs one submission in a sandbox until its time is up; after that every recording is empty and says so."""

    def __init__(self, sandbox: Runs) -> None:
        self.limits = sandbox.limits
        self._sandbox = sandbox
        self._end = time.monotonic() + self.limits.total_seconds

    def run(self, request: Request) -> Recording:
        """Run as the sandbox does. A run that was begun in time is not cut short."""
        if time.monotonic() < self._end:
            return self._sandbox.run(request)
        late = Unfinished(f"stopped after {self.limits.total_seconds:g} s in all", late=True)
        return Recording(tuple(RunRecord() for _ in request.runs), late)


def run_cells(
    sandbox: Runs,
    submission: Submission,
    runs: Sequence[Run],
    skip: Collection[int] = (),
    *,
    upstream: Upstream | None = None,
    numerical: bool = False,
) -> tuple[Recording, dict[int, Unfinished]]:
    """Run, and run again without the cell that ended the process; with the reason for each cell left out."""
    ended: dict[int, Unfinished] = {}
    request = Request(submission.script, tuple(runs), tuple(skip), False, upstream or {}, numerical)
    for _ in range(1 + sandbox.limits.retries):
        recording = sandbox.run(replace(request, skip=(*skip, *ended)))
        if recording.unfinished is None:
            break
        culprit = _next_cell(submission, recording.runs)
        if culprit is None or culprit in ended:
            break
        if request.cell_by_cell:
            ended[culprit] = recording.unfinished
        request = replace(request, cell_by_cell=True)
    whole = tuple(_without_half_made(submission, run) for run in recording.runs)
    return replace(recording, runs=whole), ended


def _without_half_made(submission: Submission, run: RunRecord) -> RunRecord:
    """Return the run without the values that a statement was still making when it raised."""
    raised = {index: cell.line for index, cell in run.cells.items() if cell.line is not None}
    lost = half_made(submission.script, raised, submission.sources) if raised else set()
    return replace(run, values={n: v for n, v in run.values.items() if n not in lost}) if lost else run


def _next_cell(submission: Submission, runs: Sequence[RunRecord]) -> int | None:
    """Return the index of the cell after the last that was reported: the one under way when the process ended."""
    unreported = (cell.index for run in runs for cell in submission.script if cell.index not in run.cells)
    return next(unreported, None)
