"""Run one submission over all cases, in as many ways as its steps need, and compare what every step held.

How an answer is laid out is no part of its mark, so a step that the first way does not find right is tried in others:
end to end, its cells taken apart into statements, its operations replayed, in float32, with true upstream gradients.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from autograder.dojo.targets import UNTRIED, Checks
from autograder.dojo.trial.numerical import is_complex, may_shift
from autograder.exercise.notebook import Exercise, Step
from autograder.marking.compare import Targets
from autograder.marking.idle import has_idle_path
from autograder.marking.precision import lowers_precision
from autograder.marking.runs import Budgeted, Runs, run_cells
from autograder.marking.shifting import shifting_twice
from autograder.marking.ways import Way, Ways, compared, hidden_runs, until
from autograder.sandbox.host.received import Recording, RunRecord, Unfinished, Value
from autograder.sandbox.messages import Run
from autograder.submission.notebook import Submission
from autograder.submission.split import Apart, taken_apart


@dataclass(frozen=True)
class Attempts:
    """All that was run of a submission, and how every step compared.

    recording: of the notebook's own case and the stepwise runs. ended: why a cell, by its index, was left out.
    step: step by step, each in the way that did best for it. end: end to end. true: with true upstream gradients, for
    steps that neither found right. values: what each step held step by step, in that way, by hidden case; what was
    written down of an update too.
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

    def all(self) -> Attempts:
        """Try the ways in turn."""
        hidden = self._targets.hidden
        recording, ended = run_cells(
            self._sandbox, self._submission, [Run(0, False), *hidden_runs(self._count, stepwise=True)]
        )
        public, *stepwise = recording.runs
        self._step = compared(hidden, stepwise, stepwise=True)
        also = [step.moves for step in self._exercise.steps if step.moves]
        self._values = {name: tuple(run.values.get(name) for run in stepwise) for name in (*self._step, *also)}
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
            skip = ended.keys() | {index for index, cell in public.cells.items() if cell.timed_out}
            needed = until(self._submission, self._in_doubt(suspects))
            more, also_ended = run_cells(self._sandbox, needed, hidden_runs(self._count), skip)
            ended |= also_ended
            self._ways = Ways(self._submission, self._apart, self._sandbox, self._count, skip | also_ended.keys())
            self._end = compared(hidden, more.runs, stepwise=False)
            self._by_statement()
            numerical = self._by_operation(suspects)
            self._in_float32(stepwise, more.runs)
            self._with_true_gradients()
            idle = {name for name in self._end if self._may_idle(name) and self._idles(name)}
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

    def _in_doubt(self, suspects: Collection[str]) -> set[str]:
        """Return the steps that are wrong so far, or suspected, and those that follow one of these."""
        first = {step.name for step in self._wrong()}.union(suspects)
        behind = self._targets.behind
        return first | {step.name for step in self._exercise.steps if first.intersection(behind.get(step.name, ()))}

    def _wrong(self) -> list[Step]:
        return [step for step in self._exercise.steps if not self._right(step.name)]

    def _right(self, name: str) -> bool:
        """Return whether a step earns its point so far; where the true gradient vanishes, end to end proves nothing."""
        proven = self._end[name].right and name not in self._targets.vanishing
        return proven or self._step[name].right or (name in self._true and self._true[name].right)

    def _take(self, names: Iterable[str], checks: Mapping[str, Checks], runs: Sequence[RunRecord]) -> None:
        """Keep what these steps held in a way that tells them apart from others, unless another did better."""
        for name in names:
            values = tuple(run.values.get(name) for run in runs)
            if not self._step[name].better_than(checks[name]) and any(value is not None for value in values):
                self._step[name], self._values[name] = checks[name], values

    def _by_statement(self) -> None:
        """Run statement by statement the cells that several steps share, and those that raised."""
        shared = [step.name for step in self._wrong() if step.name in self._apart.moved]
        if shared:
            runs = self._ways.by_statement(shared, hidden_runs(self._count, stepwise=True))
            self._take(shared, compared(self._targets.hidden, runs, stepwise=True), runs)

    def _by_operation(self, suspects: set[str]) -> set[str]:
        """Replay the operations of the run, for the steps that statements and cells may not tell apart.

        suspects: d-variables whose code may differentiate numerically; returns those that do.
        """
        mixed = [s.name for s in self._wrong() if s.gradient and (self._entangled(s.name) or s.name in suspects)]
        if not mixed and not suspects:
            return set()
        runs = hidden_runs(self._count, taped=True)[0 if mixed else -1 :]
        records = self._ways.by_cell({*mixed, *suspects}, runs, numerical=bool(suspects))
        if mixed:
            self._take(mixed, compared(self._targets.hidden, records, stepwise=True), records)
        shifting = suspects & shifting_twice(runs, records, self._count, self._ways)
        return shifting | {name for name in suspects if is_complex(*self._code(name))}

    def _entangled(self, name: str) -> bool:
        """Return whether a step may be made from earlier gradients that cells or statements do not replace."""
        return name in self._apart.mixed or name in self._apart.moved or self._apart.leans(name)

    def _suspects(self) -> set[str]:
        steps = [s for s in self._exercise.gradients if self._values[s.name] != (None,) * self._count]
        return {s.name for s in steps if may_shift(*self._code(s.name), self._exercise.forward)}

    def _code(self, name: str) -> tuple[Mapping[int, str], Sequence[int], str, Mapping[str, int]]:
        """Return a step's code with that of all others: all cells, its own, its name and when each is recorded."""
        return (apart := self._apart).in_order, apart.numbers(apart.code_of(name)), name, apart.recorded

    def _in_float32(self, *runs: Sequence[RunRecord]) -> None:
        """Try all ways again in float32, for the steps that fix a precision below float64 themselves."""
        indices, records = self._submission.indices, list(chain.from_iterable(runs))
        wrong = [step.name for step in self._wrong()]
        again = [name for name in wrong if lowers_precision(name, indices[name], self._apart, records)]
        if not again:
            return
        first, rounded = 1 + self._count, self._targets.rounded
        stepwise = hidden_runs(self._count, first=first, stepwise=True)
        found = self._ways.by_cell(again, [*stepwise, *hidden_runs(self._count, first=first)])
        self._take(again, compared(rounded, found[: self._count], stepwise=True), found[: self._count])
        end = compared(rounded, found[self._count :], stepwise=False)
        self._end |= {name: end[name] for name in again}
        left = [step.name for step in self._wrong() if step.name in again and step.name in self._apart.moved]
        if left:
            found = self._ways.by_statement(left, stepwise)
            self._take(left, compared(rounded, found, stepwise=True), found)
        left = [step.name for step in self._wrong() if step.name in again and self._entangled(step.name)]
        if left:
            found = self._ways.by_cell(left, hidden_runs(self._count, first=first, taped=True))
            self._take(left, compared(rounded, found, stepwise=True), found)

    def _with_true_gradients(self) -> None:
        """Try true upstream gradients, for steps that are right for those only: two lines undone at once.

        Only where an earlier gradient is wrong end to end; else end to end has said all there is to say. Steps that are
        wrong with all true gradients there are left at that. Any other has a process of its own, which gets no true
        gradient but those behind it: what a step sees, it could hand on.
        """
        wrong = [step.name for step in self._wrong() if step.gradient and self._follows_a_wrong_one(step.name)]
        for way in {self._ways.way(name) for name in wrong}:
            names = [name for name in wrong if self._ways.way(name) == way]
            if len(names) > 1:
                behind = frozenset(chain.from_iterable(self._targets.behind.get(name, ()) for name in names))
                tried = self._true_checks(way, names, behind)
                self._true |= {name: tried[name] for name in names}
                names = [name for name in names if tried[name].right]
            for name in names:
                self._true[name] = self._true_checks(way, [name], self._targets.behind[name])[name]

    def _follows_a_wrong_one(self, name: str) -> bool:
        held = any(value is not None and value.tensor is not None for value in self._values[name])
        earlier = (self._end[other] for other in self._targets.behind.get(name, ()) if other in self._end)
        return held and name not in self._targets.vanishing and not all(checks.right for checks in earlier)

    def _true_checks(self, way: Way, names: Collection[str], given: Collection[str]) -> dict[str, Checks]:
        cases = enumerate(self._targets.hidden, start=1)
        upstream = {number: {name: case.true[name] for name in given} for number, case in cases}
        return compared(self._targets.hidden, self._ways.one_by_one(way, names, upstream), stepwise=False)

    def _may_idle(self, name: str) -> bool:
        """Return whether a step is right end to end only, and has a path that adds up to nothing where it is right."""
        if not self._targets.idle.get(name):
            return False
        return self._end[name].right and not self._step[name].right and not self._step[name].left_out

    def _idles(self, name: str) -> bool:
        return has_idle_path(name, self._targets.idle[name], self._targets.hidden[0], self._ways)

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
