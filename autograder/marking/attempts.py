"""Run one submission over all cases, in as many ways as its steps need, and compare what every step held.

How an answer is laid out is no part of its mark, so a step that the first way does not find right is tried in others:
end to end, its cells taken apart into statements, its operations replayed, in float32, with true upstream gradients.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Protocol

import torch

from autograder.exercise.notebook import Exercise, Step
from autograder.marking.compare import UNTRIED, CaseTargets, Check, Checks, Targets
from autograder.sandbox.host.received import Recording, RunRecord, Unfinished, Value
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import Request, Run
from autograder.submission.code import names_low_precision
from autograder.submission.notebook import Submission
from autograder.submission.numerical import is_complex, may_shift
from autograder.submission.split import Apart, taken_apart

LOW_PRECISION_WORDS = ("dtype", "Double", "Float", "Half")
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


@dataclass(frozen=True)
class Attempts:
    """All that was run of a submission, and how every step compared.

    recording: of the notebook's own case and the stepwise runs. ended: why a cell, by its index, was left out.
    step: step by step, each in the way that did best for it. end: end to end. true: with true upstream gradients, for
    steps that neither found right. values: what each step held step by step, in that way, by hidden case.
    numerical: d-variables that come from evaluating the forward pass at shifted values. idle_path: steps whose path
    that adds up to nothing is wrong. apart: the submission by its statements. unset: steps that were right until a
    stub set them to None, with the index of that stub.
    """

    recording: Recording
    ended: dict[int, Unfinished]
    step: dict[str, Checks]
    end: dict[str, Checks]
    apart: Apart
    true: dict[str, Checks] = field(default_factory=dict)
    values: dict[str, tuple[Value | None, ...]] = field(default_factory=dict)
    numerical: frozenset[str] = frozenset()
    idle_path: frozenset[str] = frozenset()
    unset: dict[str, int] = field(default_factory=dict)


def attempt(exercise: Exercise, targets: Targets, submission: Submission, sandbox: Runs) -> Attempts:
    """Run a submission in every way that it needs, and compare. Raises SandboxError.

    Of the ways of marking a step the best counts, so each way is run only where those before it leave something to
    decide, and float32 only for code that fixes a precision itself.
    """
    return _Attempt(exercise, targets, submission, Budgeted(sandbox)).all()


class _Attempt:
    """The attempts at one submission, one way after the other."""

    def __init__(self, exercise: Exercise, targets: Targets, submission: Submission, sandbox: Runs) -> None:
        self._exercise = exercise
        self._targets = targets
        self._submission = submission
        self._sandbox = sandbox
        self._count = len(targets.hidden)
        self._end: dict[str, Checks] = {step.name: UNTRIED for step in exercise.steps}
        self._true: dict[str, Checks] = {}
        self._skip: set[int] = set()

    def all(self) -> Attempts:
        """Try the ways in turn."""
        hidden = self._targets.hidden
        recording, ended = _run(self._sandbox, self._submission, [Run(0, False), *self._runs(stepwise=True)])
        public, *stepwise = recording.runs
        self._step = _checks(hidden, stepwise, stepwise=True)
        self._values = {name: tuple(run.values.get(name) for run in stepwise) for name in self._step}
        numerical: set[str] = set()
        idle: set[str] = set()
        unset: dict[str, int] = {}
        raised = [index for index, cell in public.cells.items() if cell.error is not None and not cell.timed_out]
        try:
            self._apart = taken_apart(self._submission, raised)
        except RecursionError:  # code that nests too deeply to be written out again
            self._apart = taken_apart(replace(self._submission, script=self._submission.script[:1]))
        suspects = self._suspects()
        if self._wrong() or suspects:
            # A cell that ran out of time is not given that time again.
            self._skip = ended.keys() | {index for index, cell in public.cells.items() if cell.timed_out}
            more, also_ended = _run(self._sandbox, self._submission, self._runs(), self._skip)
            ended |= also_ended
            self._skip |= also_ended.keys()
            self._end = _checks(hidden, more.runs, stepwise=False)
            self._by_statement()
            numerical = self._by_operation(suspects)
            self._in_float32(stepwise, more.runs)
            self._with_true_gradients()
            idle = self._idle_paths()
            unset = self._before_stubs(public)
        return Attempts(
            recording,
            ended,
            self._step,
            self._end,
            self._apart,
            self._true,
            self._values,
            frozenset(numerical),
            frozenset(idle),
            unset,
        )

    def _wrong(self) -> list[Step]:
        return [step for step in self._exercise.steps if not self._right(step.name)]

    def _right(self, name: str) -> bool:
        """Whether a step earns its point already; where the true gradient vanishes, end to end proves nothing."""
        proven = self._end[name].right and name not in self._targets.vanishing
        return proven or self._step[name].right or (name in self._true and self._true[name].right)

    def _runs(self, *, first: int = 1, stepwise: bool = False, taped: bool = False) -> list[Run]:
        """Return one run of each hidden case from case number `first` on."""
        return [Run(case, stepwise, taped) for case in range(first, first + self._count)]

    def _take(self, names: Iterable[str], checks: Mapping[str, Checks], runs: Sequence[RunRecord]) -> None:
        """Keep what these steps held in a way that tells them apart from others, unless another did better."""
        for name in names:
            values = tuple(run.values.get(name) for run in runs)
            if not self._step[name].better_than(checks[name]) and any(value is not None for value in values):
                self._step[name], self._values[name] = checks[name], values

    def _by_statement(self) -> None:
        """Step by step for the steps that share a cell, or whose cell raised: those cells statement by statement."""
        shared = [step.name for step in self._wrong() if step.name in self._apart.moved]
        if shared:
            runs = self._apart_runs(self._runs(stepwise=True))
            self._take(shared, _checks(self._targets.hidden, runs, stepwise=True), runs)

    def _apart_runs(self, runs: Sequence[Run], upstream: Upstream | None = None) -> tuple[RunRecord, ...]:
        skip = {index for index, cell in self._apart.cells.items() if cell in self._skip and index == cell}
        return _run(self._sandbox, self._apart.submission, runs, skip, upstream=upstream)[0].runs

    def _by_operation(self, suspects: Collection[str]) -> set[str]:
        """Step by step for the steps that no statement makes alone: the operations of the run, replayed.

        suspects: d-variables whose code may differentiate numerically; returns those that do.
        """
        mixed = [s.name for s in self._wrong() if s.gradient and (s.name in self._mixed() or s.name in suspects)]
        if not mixed and not suspects:
            return set()
        runs = self._runs(taped=True) if mixed else self._runs(taped=True)[-1:]
        recording, _ = _run(self._sandbox, self._submission, runs, self._skip, numerical=bool(suspects))
        if mixed:
            checks = _checks(self._targets.hidden, recording.runs, stepwise=True)
            self._take(mixed, checks, recording.runs)
        found = {name for run in recording.runs for name in run.numerical}
        makers, sources = self._apart.makers, self._apart.sources
        return {n for n in suspects if n in found or is_complex(sources, makers[n], n)}

    def _mixed(self) -> frozenset[str]:
        return self._apart.mixed | self._apart.moved

    def _suspects(self) -> set[str]:
        sources, makers = self._apart.sources, self._apart.makers
        forward = self._exercise.forward
        steps = [s for s in self._exercise.gradients if self._values[s.name] != (None,) * self._count]
        return {s.name for s in steps if may_shift(sources, makers[s.name], s.name, forward)}

    def _in_float32(self, *runs: Sequence[RunRecord]) -> None:
        """All ways again in float32, for the steps that fix a precision below float64 themselves."""
        again = [step.name for step in self._wrong() if self._lower_precision(step, *runs)]
        if not again:
            return
        first = 1 + self._count
        rounded = self._targets.rounded
        both = [*self._runs(first=first, stepwise=True), *self._runs(first=first)]
        found = _run(self._sandbox, self._submission, both, self._skip)[0].runs
        self._take(again, _checks(rounded, found[: self._count], stepwise=True), found[: self._count])
        end = _checks(rounded, found[self._count :], stepwise=False)
        self._end |= {name: end[name] for name in again}
        left = [step.name for step in self._wrong() if step.name in again and step.name in self._apart.moved]
        if left:
            found = self._apart_runs(self._runs(first=first, stepwise=True))
            self._take(left, _checks(rounded, found, stepwise=True), found)
        left = [step.name for step in self._wrong() if step.name in again and step.name in self._mixed()]
        if left:
            found = self._taped_runs(first)
            self._take(left, _checks(rounded, found, stepwise=True), found)

    def _taped_runs(self, first: int, upstream: Upstream | None = None) -> tuple[RunRecord, ...]:
        runs = self._runs(first=first, taped=True)
        return _run(self._sandbox, self._submission, runs, self._skip, upstream=upstream)[0].runs

    def _lower_precision(self, step: Step, *runs: Sequence[RunRecord]) -> bool:
        """Return whether a step fixes a precision below float64 itself, or stumbles over one that was fixed before it.

        Its value may be float64 all the same: a float32 path or constant, added to or times a float64 tensor.
        """
        own = (*self._apart.makers[step.name], *self._submission.indices[step.name])
        if names_low_precision(self._apart.sources, own):
            return True
        for run in chain.from_iterable(runs):
            value = run.values.get(step.name)
            if value is not None and value.tensor is not None and value.tensor.dtype.itemsize < 8:
                return True
            for index in {self._apart.cells.get(index, index) for index in own}:
                error = run.cells[index].error if index in run.cells else None
                if error is not None and any(word in error for word in LOW_PRECISION_WORDS):
                    return True
        return False

    def _with_true_gradients(self) -> None:
        """With true upstream gradients in place, for steps that are right for those only: two lines undone at once.

        Only where an earlier gradient is wrong end to end; else end to end has said all there is to say. Each step has
        a process of its own, which gets no true gradient but those behind it: what a step sees, it could hand on.
        """
        for step in self._wrong():
            behind = self._targets.behind.get(step.name, ())
            held = any(value is not None and value.tensor is not None for value in self._values[step.name])
            earlier = any(name in self._end and not self._end[name].right for name in behind)
            if not step.gradient or not held or not earlier or step.name in self._targets.vanishing:
                continue
            upstream = {
                number: {name: case.true[name] for name in behind}
                for number, case in enumerate(self._targets.hidden, start=1)
            }
            if step.name in self._apart.mixed:
                runs = self._taped_runs(1, upstream)
            elif step.name in self._apart.moved:
                runs = self._apart_runs(self._runs(stepwise=True), upstream)
            else:
                again = self._runs(stepwise=True)
                runs = _run(self._sandbox, self._submission, again, self._skip, upstream=upstream)[0].runs
            self._true[step.name] = _checks(self._targets.hidden, runs, stepwise=False)[step.name]

    def _idle_paths(self) -> set[str]:
        """Return the steps that are right because a wrong path adds up to nothing.

        With another upstream gradient for that path their value changes, so it is there; and step by step it is wrong.
        """
        found: set[str] = set()
        for step in self._exercise.gradients:
            name = step.name
            idle = self._targets.idle.get(name, ())
            if not idle or not self._end[name].right or self._step[name].right or self._step[name].left_out:
                continue
            case = self._targets.hidden[0]
            upstream = {1: {d: 2.0 * case.random[d] for d in idle if d in case.random}}
            one = [Run(1, True)]
            if name in self._apart.moved:
                changed = self._apart_runs(one, upstream)[0]
            else:
                changed = _run(self._sandbox, self._submission, one, self._skip, upstream=upstream)[0].runs[0]
            before, after = self._values[name][0], changed.values.get(name)
            if before is None or after is None or before.tensor is None or after.tensor is None:
                continue
            if before.tensor.shape == after.tensor.shape and not torch.allclose(
                before.tensor.double(), after.tensor.double()
            ):
                found.add(name)
        return found

    def _before_stubs(self, public: RunRecord) -> dict[str, int]:
        """Return the steps that a stub left as it was has set to None, though they were right until then."""
        empty = {
            name: cell.index
            for cell in self._submission.script
            for name in self._submission.sources
            if cell.source.partition("#")[0].strip() == f"{name} = None"
        }
        lost = [name for name in empty if (v := public.values.get(name)) is not None and v.kind == "none"]
        if not any(len(self._apart.makers[name]) > 1 for name in lost):
            return {}
        stubs = {empty[name] for name in lost}
        script = tuple(replace(c, source="") if c.index in stubs else c for c in self._submission.script)
        again = replace(self._submission, script=script)
        tried = _Attempt(self._exercise, self._targets, again, self._sandbox)
        tried.all()
        return {name: empty[name] for name in lost if tried._right(name)}


def _run(
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
    return recording, ended


def _next_cell(submission: Submission, runs: Sequence[RunRecord]) -> int | None:
    """Return the index of the cell after the last that was reported: the one under way when the process ended."""
    unreported = (cell.index for run in runs for cell in submission.script if cell.index not in run.cells)
    return next(unreported, None)


def _checks(cases: Sequence[CaseTargets], runs: Sequence[RunRecord], *, stepwise: bool) -> dict[str, Checks]:
    """Compare every step in one mode; runs: one for each case."""
    public: list[dict[str, Check]] = []
    other: list[dict[str, Check]] = []
    for case, run in zip(cases, runs, strict=True):
        found = (case.step if stepwise else case.end).check(run.values)
        (public if case.public_sizes else other).append(found)
    return {
        name: Checks(tuple(found[name] for found in public), tuple(found[name] for found in other))
        for name in (*public, *other)[0]
    }
