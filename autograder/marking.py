"""Judge every step of one submission, and give the reason where one is known. Pure: all that ran has run before."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from autograder.aliases import changed_through
from autograder.checking import Checked
from autograder.exercise import Exercise
from autograder.explaining import explained, following, shared
from autograder.judging import Evidence, Judgement, judge
from autograder.provenance import evades, reads_grad
from autograder.recording import RanCell, Unfinished
from autograder.submission import Submission
from autograder.targets import Targets
from autograder.verdict import Verdict

# What the explainer may say more of; the others have said why.
EXPLAINED = frozenset({Verdict.WRONG, Verdict.SHAPE, Verdict.PATH_MISSING})


@dataclass(frozen=True)
class Outcome:
    """The judgements by d-variable, what every cell did in the notebook's own case, and what to tell the instructor.

    unfinished: why the last run did not reach its end, None where all did.
    """

    judgements: dict[str, Judgement]
    cells: dict[int, RanCell]
    flags: tuple[str, ...]
    unfinished: Unfinished | None


def mark(exercise: Exercise, targets: Targets, submission: Submission, checked: Checked) -> Outcome:
    """Mark one submission by what checking it has found."""
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
