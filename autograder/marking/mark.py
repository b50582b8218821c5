"""Judge every step of one submission, and give the reason where one is known. Pure: all that ran has run before."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from autograder.exercise.notebook import Exercise, Step
from autograder.marking.attempts import Attempts
from autograder.marking.compare import Targets
from autograder.marking.judge import Evidence, Judgement, judge
from autograder.marking.reasons import Explainer, explained, following, shared
from autograder.marking.result import Status, StepResult, SubmissionResult
from autograder.marking.verdict import Verdict
from autograder.sandbox.host.received import RanCell
from autograder.submission.code import changed_through, evades, reads_grad
from autograder.submission.notebook import Submission

# What the explainer may say more of; the others have said why.
EXPLAINED = frozenset({Verdict.WRONG, Verdict.SHAPE, Verdict.PATH_MISSING})


@dataclass(frozen=True)
class Marker:
    """Turns the attempts of submissions to one exercise into results.

    credit: the part of a step's points for each verdict; 0 where it is not listed.
    """

    exercise: Exercise
    targets: Targets
    explainer: Explainer
    credit: Mapping[str, float]

    def mark(self, student: str, submission: Submission, attempts: Attempts, seconds: float) -> SubmissionResult:
        """Return the result of one submission. seconds: how long running it took."""
        judgements = self.judged(submission, attempts)
        steps = tuple(self._step_result(step, judgements[step.name]) for step in self.exercise.steps)
        ended, unfinished = attempts.ended, attempts.recording.unfinished
        status: Status = "graded"
        if unfinished is not None:
            status = "timeout" if unfinished.late else "crashed"
        flags = [*submission.flags]
        flags += [
            f"a cell ended the Python process ({end.why}); the rest was graded without it" for end in ended.values()
        ]
        copied = [step.name for step in steps if step.verdict == Verdict.AUTOGRAD]
        if copied:
            flags.append(f"{len(copied)} gradients come from autograd")
        return SubmissionResult(
            student,
            self.exercise.name,
            status,
            score=sum(step.points for step in steps),
            max_score=self.exercise.max_score,
            seconds=round(seconds, 3),
            flags=tuple(flags),
            error=None if unfinished is None else unfinished.why,
            steps=steps,
            cells=attempts.recording.runs[0].cells
            | {index: RanCell("", end.why, False) for index, end in ended.items()},
        )

    def judged(self, submission: Submission, attempts: Attempts) -> dict[str, Judgement]:
        """Return the judgement of every step, by d-variable, with the reason where one is known."""
        judgements: dict[str, Judgement] = {}
        for step in self.exercise.steps:
            judgement = judge(self._evidence(step, submission, attempts))
            if judgement.verdict in EXPLAINED:
                # A mark stands by itself: where no reason can be found, for whatever cause, there is none.
                with suppress(Exception):
                    values = [run.values.get(step.name) for run in attempts.recording.runs[1:]]
                    other = changed_through(step.name, submission)
                    sources = submission.sources[step.name]
                    reason = shared(step.name, other) or self.explainer.why(step, values, sources)
                    judgement = explained(judgement, reason)
            elif judgement.verdict == Verdict.FOLLOW_THROUGH:
                earlier = [name for name in self.explainer.made_from(step) if name in judgements]
                judgement = following(judgement, [n for n in earlier if not judgements[n].comparison.approximate])
            judgements[step.name] = judgement
        return judgements

    def _evidence(self, step: Step, submission: Submission, attempts: Attempts) -> Evidence:
        sources = {cell.index: cell.source for cell in submission.script}
        recorded = {name: cell.index for cell in submission.script for name in cell.records}
        public, ended = attempts.recording.runs[0], attempts.ended
        unfinished = attempts.recording.unfinished
        why = None if unfinished is None else unfinished.why
        own = submission.indices[step.name]
        ran = [public.cells[index] for index in own if index in public.cells]
        value = public.values.get(step.name)
        uses = any(cell.uses for cell in public.cells.values())
        return Evidence(
            public=value,
            truth=self.targets.public[step.name],
            end=attempts.end[step.name],
            step=attempts.step[step.name],
            vanishing=step.name in self.targets.vanishing,
            error=next((cell.error for cell in ran if cell.error is not None), None),
            late=any(cell.timed_out for cell in ran) or any(ended[index].late for index in own if index in ended),
            ended=next((ended[index].why for index in own if index in ended), why if value is None else None),
            uses_autograd=uses or reads_grad(submission.sources[step.name]),
            evades=evades(sources, own, step.name, recorded),
            unfinished="" if why is None else f"not all of its runs were finished: {why}",
        )

    def _step_result(self, step: Step, judgement: Judgement) -> StepResult:
        return StepResult(
            name=step.name,
            label=step.label,
            check=step.check,
            verdict=judgement.verdict,
            points=step.points * self.credit.get(judgement.verdict.value, 0.0),
            max_points=step.points,
            comparison=judgement.comparison,
            hint=judgement.hint,
            error=judgement.error,
        )
