"""Run one submission over all cases and judge every step. Pure but for the sandbox it is given."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from autograder.aliases import changed_through
from autograder.apart import taken_apart
from autograder.budget import Budgeted, Runs
from autograder.differentiate import Gradients
from autograder.exercise import Exercise, Step
from autograder.explaining import Explainer, explained, following, shared
from autograder.provenance import evades, names_low_precision, reads_grad
from autograder.recording import RanCell, Recording, RunRecord, Unfinished
from autograder.reference import Reference, References
from autograder.student_run import Run
from autograder.submission import Submission
from autograder.verdict import (
    IN_FLOAT32,
    IN_FLOAT64,
    UNTRIED,
    Check,
    Checks,
    Evidence,
    Judgement,
    Target,
    Tolerance,
    Verdict,
    judge,
)

# What the explainer may say more of; the others have said why.
EXPLAINED = frozenset({Verdict.WRONG, Verdict.SHAPE, Verdict.PATH_MISSING})
LOW_PRECISION_WORDS = ("dtype", "Double", "Float", "Half")


@dataclass(frozen=True)
class Outcome:
    """The judgements by d-variable, what every cell did in the notebook's own case, and what to tell the instructor.

    unfinished: why the last run did not reach its end, None where all did.
    """

    judgements: dict[str, Judgement]
    cells: dict[int, RanCell]
    flags: tuple[str, ...]
    unfinished: Unfinished | None


def mark(exercise: Exercise, targets: Targets, submission: Submission, sandbox: Runs) -> Outcome:
    """Mark one submission. A cell that ends the process is left out and the rest run again."""
    checked = _check(exercise.steps, targets, submission, Budgeted(sandbox))
    sources = {cell.index: cell.source for cell in submission.script}
    recorded = {name: cell.index for cell in submission.script for name in cell.records}
    public, ended = checked.recording.runs[0], checked.ended
    unfinished = checked.recording.unfinished
    why = None if unfinished is None else unfinished.why
    uses = any(cell.uses for cell in public.cells.values())
    judgements: dict[str, Judgement] = {}
    for step in exercise.steps:
        own = submission.indices[step.name]
        ran = [public.cells[index] for index in own if index in public.cells]
        value = public.values.get(step.name)
        evidence = Evidence(
            public=value,
            truth=targets.public[step.name],
            end=checked.end[step.name],
            step=checked.step[step.name],
            vanishing=step.name in targets.vanishing,
            error=next((cell.error for cell in ran if cell.error is not None), None),
            late=any(cell.timed_out for cell in ran) or any(ended[index].late for index in own if index in ended),
            ended=next((ended[index].why for index in own if index in ended), why if value is None else None),
            uses_autograd=uses or reads_grad(submission.sources[step.name]),
            evades=evades(sources, own, step.name, recorded),
            unfinished="" if why is None else f"not all of its runs were finished: {why}",
        )
        judgement = judge(evidence)
        if judgement.verdict in EXPLAINED:
            # A mark stands by itself: where no reason can be found, for whatever cause, there is none.
            with suppress(Exception):
                values = [run.values.get(step.name) for run in checked.recording.runs[1:]]
                other = changed_through(step.name, submission)
                judgement = explained(judgement, shared(step.name, other) or targets.explainer.why(step, values))
        elif judgement.verdict == Verdict.FOLLOW_THROUGH:
            earlier = [name for name in targets.explainer.made_from(step) if name in judgements]
            judgement = following(judgement, [n for n in earlier if not judgements[n].comparison.approximate])
        judgements[step.name] = judgement
    cells = dict(public.cells) | {index: RanCell("", end.why, False) for index, end in ended.items()}
    flags = tuple(
        f"a cell ended the Python process ({end.why}); the rest was graded without it" for end in ended.values()
    )
    return Outcome(judgements, cells, flags, unfinished)


@dataclass(frozen=True)
class _Checked:
    """recording: of the notebook's own case and the stepwise runs. ended: why a cell, by its place, was left out."""

    recording: Recording
    ended: dict[int, Unfinished]
    step: dict[str, Checks]
    end: dict[str, Checks]


def _check(steps: Sequence[Step], targets: Targets, submission: Submission, sandbox: Runs) -> _Checked:
    """Run and compare.

    Of the two ways of marking a step the better counts, so end to end is run only where step by step leaves
    something to decide, and float32 only for code that fixes a precision itself.
    """
    hidden = len(targets.hidden)
    recording, ended = _run(submission, [Run(0, False), *_runs(1, hidden, stepwise=True)], sandbox)
    public, *stepwise = recording.runs
    step = {s.name: _checks(s, targets.hidden, stepwise, stepwise=True) for s in steps}
    end = dict.fromkeys(step, UNTRIED)

    def wrong() -> list[Step]:
        return [s for s in steps if not step[s.name].right and not end[s.name].right]

    if not wrong():
        return _Checked(recording, ended, step, end)
    # A cell that ran out of time is not given that time again.
    skip = ended.keys() | {index for index, cell in public.cells.items() if cell.timed_out}
    more, also_ended = _run(submission, _runs(1, hidden, stepwise=False), sandbox, skip)
    ended |= also_ended
    end |= {s.name: _checks(s, targets.hidden, more.runs, stepwise=False) for s in steps}
    if not skip | ended.keys():
        step |= _apart(targets, submission, sandbox, wrong())
    again = [s for s in wrong() if _lower_precision(s, submission, stepwise, more.runs)]
    if again:
        first = 1 + hidden
        rounded = [*_runs(first, hidden, stepwise=True), *_runs(first, hidden, stepwise=False)]
        runs = _run(submission, rounded, sandbox, skip)[0].runs
        step |= {s.name: _checks(s, targets.rounded, runs[:hidden], stepwise=True) for s in again}
        end |= {s.name: _checks(s, targets.rounded, runs[hidden:], stepwise=False) for s in again}
    return _Checked(recording, ended, step, end)


def _apart(targets: Targets, submission: Submission, sandbox: Runs, wrong: Sequence[Step]) -> dict[str, Checks]:
    """Step by step for those of the steps that share a cell with others: that cell taken apart."""
    apart, moved = taken_apart(submission) if wrong else (submission, frozenset())
    shared = [s for s in wrong if s.name in moved]
    if not shared:
        return {}
    recording, _ = _run(apart, _runs(1, len(targets.hidden), stepwise=True), sandbox)
    return {s.name: _checks(s, targets.hidden, recording.runs, stepwise=True) for s in shared}


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
        recording = sandbox.run(submission, runs, (*skip, *ended), cell_by_cell=cell_by_cell)
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


@dataclass(frozen=True)
class CaseTargets:
    """What every step should hold in a hidden case, by d-variable: end to end and step by step."""

    public_sizes: bool
    end: dict[str, Target]
    step: dict[str, Target]


class Targets:
    """All that marking compares with, made once for an exercise."""

    def __init__(self, exercise: Exercise, references: References) -> None:
        self.public = {step.name: references.public.end.total[step.tensor] for step in exercise.steps}
        self.explainer = Explainer(exercise, references)
        self.vanishing = {step.name for step in exercise.steps if step.tensor in references.public.vanishing}
        self.hidden = [_case_targets(exercise, reference, IN_FLOAT64) for reference in references.hidden]
        self.rounded = [_case_targets(exercise, reference, IN_FLOAT32) for reference in references.rounded]


def _case_targets(exercise: Exercise, reference: Reference, tolerance: Tolerance) -> CaseTargets:
    def targets(gradients: Gradients) -> dict[str, Target]:
        return {
            step.name: Target(gradients.total[step.tensor], gradients.paths[step.tensor], tolerance)
            for step in exercise.steps
        }

    return CaseTargets(reference.case.public_sizes, targets(reference.end), targets(reference.step))


def _checks(step: Step, cases: Sequence[CaseTargets], runs: Sequence[RunRecord], *, stepwise: bool) -> Checks:
    """One step in one mode; runs: one for each case."""
    found: dict[bool, list[Check]] = {True: [], False: []}
    for case, run in zip(cases, runs, strict=True):
        target = (case.step if stepwise else case.end)[step.name]
        found[case.public_sizes].append(target.check(run.values.get(step.name)))
    return Checks(tuple(found[True]), tuple(found[False]))


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
