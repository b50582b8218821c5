"""Run one submission over all cases and judge every step. Pure but for the sandbox it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autograder.apart import taken_apart
from autograder.exercise import Exercise, Step
from autograder.limits import Limits
from autograder.provenance import evades, names_low_precision, reads_grad
from autograder.recording import RanCell, Recording, RunRecord
from autograder.reference import Reference, References
from autograder.student_run import Run
from autograder.submission import Submission
from autograder.verdict import IN_FLOAT32, IN_FLOAT64, Check, Checks, Evidence, Judgement, Tolerance, check, judge

LOW_PRECISION_WORDS = ("dtype", "Double", "Float", "Half")


class Runs(Protocol):
    """What marking needs of a sandbox."""

    limits: Limits

    def run(self, submission: Submission, runs: Sequence[Run], skip: Sequence[int] = ()) -> Recording:
        """Run the submission's cells once for each of `runs`."""


@dataclass(frozen=True)
class Outcome:
    """The judgements by d-variable, what every cell did in the notebook's own case, and what to tell the instructor.

    unfinished: why the last run did not reach its end, None where all did.
    """

    judgements: dict[str, Judgement]
    cells: dict[int, RanCell]
    flags: tuple[str, ...]
    unfinished: str | None


def mark(exercise: Exercise, references: References, submission: Submission, sandbox: Runs) -> Outcome:
    """Mark one submission. A cell that ends the process is left out and the rest run again."""
    hidden = len(references.hidden)
    runs = [Run(0, False), *(Run(1 + i, stepwise) for i in range(hidden) for stepwise in (False, True))]
    recording, ended = _run(submission, runs, sandbox)
    public, *rest = recording.runs
    exact = _Evidence(references.hidden, rest, IN_FLOAT64)
    checks = {step.name: exact.checks(step) for step in exercise.steps}
    if not ended:
        wrong = [step for step in exercise.steps if not _any_right(checks[step.name])]
        for name, stepwise in _apart(references, submission, sandbox, wrong).items():
            checks[name] = checks[name][0], stepwise
    again = [s for s in exercise.steps if not _any_right(checks[s.name]) and _lower_precision(s, submission, rest)]
    if again:
        rounded_runs = [Run(1 + hidden + i, stepwise) for i in range(hidden) for stepwise in (False, True)]
        more, _ = _run(submission, rounded_runs, sandbox, tuple(ended))
        rounded = _Evidence(references.rounded, list(more.runs), IN_FLOAT32)
        checks |= {step.name: rounded.checks(step) for step in again}
    sources = {cell.index: cell.source for cell in submission.script}
    uses = any(cell.uses for cell in public.cells.values())
    judgements = {}
    for step in exercise.steps:
        own = submission.indices[step.name]
        ran = [public.cells[index] for index in own if index in public.cells]
        end, stepwise = checks[step.name]
        evidence = Evidence(
            public=public.values.get(step.name),
            truth=references.public.end.total[step.tensor],
            end=end,
            step=stepwise,
            vanishing=step.tensor in references.public.vanishing,
            error=next((cell.error for cell in ran if cell.error is not None), None),
            late=any(cell.timed_out for cell in ran) or any("stopped" in ended.get(index, "") for index in own),
            ended=next((ended[index] for index in own if index in ended), None)
            or (recording.detail if step.name not in public.values and not recording.complete else None),
            uses_autograd=uses or reads_grad(submission.sources[step.name]),
            evades=evades(sources, own),
            unfinished="" if recording.complete else f"not all of its runs were finished: {recording.detail}",
        )
        judgements[step.name] = judge(evidence)
    cells = dict(public.cells) | {index: RanCell("", detail, False) for index, detail in ended.items()}
    flags = tuple(
        f"a cell ended the Python process ({detail}); the rest was graded without it" for detail in ended.values()
    )
    return Outcome(judgements, cells, flags, None if recording.complete else recording.detail)


def _apart(references: References, submission: Submission, sandbox: Runs, wrong: Sequence[Step]) -> dict[str, Checks]:
    """Step by step for those of the steps that share a cell with others: that cell taken apart."""
    apart, moved = taken_apart(submission) if wrong else (submission, frozenset())
    shared = [step for step in wrong if step.name in moved]
    if not shared:
        return {}
    recording, _ = _run(apart, [Run(1 + i, True) for i in range(len(references.hidden))], sandbox)
    evidence = _Evidence(references.hidden, [run for run in recording.runs for _ in range(2)], IN_FLOAT64)
    return {step.name: evidence.checks(step)[1] for step in shared}


def _run(
    submission: Submission, runs: Sequence[Run], sandbox: Runs, skip: tuple[int, ...] = ()
) -> tuple[Recording, dict[int, str]]:
    """Run, and run again without the cell that ended the process; with the reason for each cell left out."""
    ended: dict[int, str] = {}
    for _ in range(1 + sandbox.limits.retries):
        recording = sandbox.run(submission, runs, (*skip, *ended))
        if recording.complete:
            break
        culprit = _next_cell(submission, recording.runs)
        if culprit is None or culprit in ended:
            break
        ended[culprit] = recording.detail
    return recording, ended


def _next_cell(submission: Submission, runs: Sequence[RunRecord]) -> int | None:
    """The cell that was running when the process ended: the first that no run has reported."""
    for run in runs:
        for cell in submission.script:
            if cell.index not in run.cells:
                return cell.index
    return None


class _Evidence:
    """Checks of the runs over a set of hidden cases: for each case, end to end and then step by step."""

    def __init__(self, references: Sequence[Reference], runs: Sequence[RunRecord], tolerance: Tolerance) -> None:
        self._triples = list(zip(references, runs[0::2], runs[1::2], strict=True))
        self._tolerance = tolerance

    def checks(self, step: Step) -> tuple[Checks, Checks]:
        """End to end, step by step."""
        found: dict[tuple[bool, bool], list[Check]] = {(s, p): [] for s in (False, True) for p in (False, True)}
        for reference, end, stepwise in self._triples:
            for is_step, run, truth in ((False, end, reference.end), (True, stepwise, reference.step)):
                value = run.values.get(step.name)
                result = check(value, truth.paths[step.tensor], truth.total[step.tensor], self._tolerance)
                found[is_step, reference.case.public_sizes].append(result)
        return (
            Checks(tuple(found[False, True]), tuple(found[False, False])),
            Checks(tuple(found[True, True]), tuple(found[True, False])),
        )


def _any_right(checks: tuple[Checks, Checks]) -> bool:
    return any(mode.right for mode in checks)


def _lower_precision(step: Step, submission: Submission, runs: Sequence[RunRecord]) -> bool:
    """Whether the step fixes a precision below float64 itself, or stumbles over one that was fixed before it.

    Its value may be float64 all the same: a float32 path or constant, added to or times a float64 tensor.
    """
    sources = {cell.index: cell.source for cell in submission.script}
    if names_low_precision(sources, submission.indices[step.name]):
        return True
    for run in runs:
        value = run.values.get(step.name)
        if value is not None and value.tensor is not None and value.tensor.dtype.itemsize < 8:
            return True
        for index in submission.indices[step.name]:
            error = run.cells[index].error if index in run.cells else None
            if error is not None and any(word in error for word in LOW_PRECISION_WORDS):
                return True
    return False
