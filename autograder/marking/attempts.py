"""Run one submission over all cases, in as many ways as its steps need, and compare what every step held."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from autograder.exercise.notebook import Step
from autograder.marking.compare import UNTRIED, CaseTargets, Check, Checks, Targets
from autograder.sandbox.host.received import Recording, RunRecord, Unfinished
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import Run, ScriptCell
from autograder.submission.code import names_low_precision
from autograder.submission.notebook import Submission
from autograder.submission.split import taken_apart

LOW_PRECISION_WORDS = ("dtype", "Double", "Float", "Half")


class Runs(Protocol):
    """What marking needs of a sandbox."""

    limits: Limits

    def run(
        self, script: Sequence[ScriptCell], runs: Sequence[Run], skip: Sequence[int] = (), *, cell_by_cell: bool = False
    ) -> Recording:
        """Run a submission's cells once for each of `runs`."""


class Budgeted:
    """Runs one submission in a sandbox until its time is up; after that every recording is empty and says so."""

    def __init__(self, sandbox: Runs) -> None:
        self.limits = sandbox.limits
        self._sandbox = sandbox
        self._end = time.monotonic() + self.limits.total_seconds

    def run(
        self, script: Sequence[ScriptCell], runs: Sequence[Run], skip: Sequence[int] = (), *, cell_by_cell: bool = False
    ) -> Recording:
        """Run as the sandbox does. A run that was begun in time is not cut short."""
        if time.monotonic() < self._end:
            return self._sandbox.run(script, runs, skip, cell_by_cell=cell_by_cell)
        late = Unfinished(f"stopped after {self.limits.total_seconds:g} s in all", late=True)
        return Recording(tuple(RunRecord() for _ in runs), late)


@dataclass(frozen=True)
class Attempts:
    """All that was run of a submission, and how every step compared, step by step and end to end.

    recording: of the notebook's own case and the stepwise runs. ended: why a cell, by its index, was left out.
    """

    recording: Recording
    ended: dict[int, Unfinished]
    step: dict[str, Checks]
    end: dict[str, Checks]


def attempt(steps: Sequence[Step], targets: Targets, submission: Submission, sandbox: Runs) -> Attempts:
    """Run a submission, and again without a cell that ended its process, and compare. Raises SandboxError.

    Of the two ways of marking a step the better counts, so end to end is run only where step by step leaves
    something to decide, and float32 only for code that fixes a precision itself.
    """
    sandbox = Budgeted(sandbox)
    hidden = len(targets.hidden)
    recording, ended = _run(submission, [Run(0, False), *_runs(1, hidden, stepwise=True)], sandbox)
    public, *stepwise = recording.runs
    step = _checks(targets.hidden, stepwise, stepwise=True)
    end = dict.fromkeys(step, UNTRIED)

    def wrong() -> list[Step]:
        return [s for s in steps if not step[s.name].right and not end[s.name].right]

    if not wrong():
        return Attempts(recording, ended, step, end)
    # A cell that ran out of time is not given that time again.
    skip = ended.keys() | {index for index, cell in public.cells.items() if cell.timed_out}
    more, also_ended = _run(submission, _runs(1, hidden, stepwise=False), sandbox, skip)
    ended |= also_ended
    end = _checks(targets.hidden, more.runs, stepwise=False)
    if not skip | ended.keys():
        step |= _apart(targets, submission, sandbox, wrong())
    again = [s for s in wrong() if _lower_precision(s, submission, stepwise, more.runs)]
    if again:
        first = 1 + hidden
        rounded = [*_runs(first, hidden, stepwise=True), *_runs(first, hidden, stepwise=False)]
        runs = _run(submission, rounded, sandbox, skip)[0].runs
        step |= _of(again, _checks(targets.rounded, runs[:hidden], stepwise=True))
        end |= _of(again, _checks(targets.rounded, runs[hidden:], stepwise=False))
    return Attempts(recording, ended, step, end)


def _apart(targets: Targets, submission: Submission, sandbox: Runs, wrong: Sequence[Step]) -> dict[str, Checks]:
    """Step by step for those of the steps that share a cell with others: that cell taken apart."""
    try:
        apart, moved = taken_apart(submission) if wrong else (submission, frozenset())
    except RecursionError:  # code that nests too deeply to be written out again
        return {}
    shared = [s for s in wrong if s.name in moved]
    if not shared:
        return {}
    recording, _ = _run(apart, _runs(1, len(targets.hidden), stepwise=True), sandbox)
    return _of(shared, _checks(targets.hidden, recording.runs, stepwise=True))


def _of(steps: Sequence[Step], checks: Mapping[str, Checks]) -> dict[str, Checks]:
    return {step.name: checks[step.name] for step in steps}


def _runs(first: int, count: int, *, stepwise: bool) -> list[Run]:
    """One run of each of `count` cases from case number `first` on."""
    return [Run(case, stepwise) for case in range(first, first + count)]


def _run(
    submission: Submission, runs: Sequence[Run], sandbox: Runs, skip: Collection[int] = ()
) -> tuple[Recording, dict[int, Unfinished]]:
    """Run, and run again without the cell that ended the process; with the reason for each cell left out."""
    ended: dict[int, Unfinished] = {}
    cell_by_cell = False
    for _ in range(1 + sandbox.limits.retries):
        recording = sandbox.run(submission.script, runs, (*skip, *ended), cell_by_cell=cell_by_cell)
        if recording.unfinished is None:
            break
        culprit = _next_cell(submission, recording.runs)
        if culprit is None or culprit in ended:
            break
        if cell_by_cell:
            ended[culprit] = recording.unfinished
        cell_by_cell = True
    return recording, ended


def _next_cell(submission: Submission, runs: Sequence[RunRecord]) -> int | None:
    """The cell after the last that was reported: cell by cell, the one that was under way when the process ended."""
    unreported = (cell.index for run in runs for cell in submission.script if cell.index not in run.cells)
    return next(unreported, None)


def _checks(cases: Sequence[CaseTargets], runs: Sequence[RunRecord], *, stepwise: bool) -> dict[str, Checks]:
    """Every step in one mode; runs: one for each case."""
    public: list[dict[str, Check]] = []
    other: list[dict[str, Check]] = []
    for case, run in zip(cases, runs, strict=True):
        found = (case.step if stepwise else case.end).check(run.values)
        (public if case.public_sizes else other).append(found)
    return {
        name: Checks(tuple(found[name] for found in public), tuple(found[name] for found in other))
        for name in (*public, *other)[0]
    }


def _lower_precision(step: Step, submission: Submission, *runs: Sequence[RunRecord]) -> bool:
    """Whether the step fixes a precision below float64 itself, or stumbles over one that was fixed before it.

    Its value may be float64 all the same: a float32 path or constant, added to or times a float64 tensor.
    """
    sources = {cell.index: cell.source for cell in submission.script}
    if names_low_precision(sources, submission.indices[step.name]):
        return True
    for run in chain.from_iterable(runs):
        value = run.values.get(step.name)
        if value is not None and value.tensor is not None and value.tensor.dtype.itemsize < 8:
            return True
        for index in submission.indices[step.name]:
            error = run.cells[index].error if index in run.cells else None
            if error is not None and any(word in error for word in LOW_PRECISION_WORDS):
                return True
    return False
