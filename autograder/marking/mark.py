"""Judge every step of one submission, and give the reason where one is known. Pure: all that ran has run before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from autograder.exercise.notebook import Exercise, Step
from autograder.marking.attempts import Attempts
from autograder.marking.cause import with_cause
from autograder.marking.compare import UNTRIED, Targets, variables
from autograder.marking.judge import Evidence, Judgement, judge
from autograder.marking.reasons import Explainer, explained, following, shared
from autograder.marking.result import Status, StepResult, SubmissionResult
from autograder.marking.verdict import Verdict
from autograder.sandbox.host.received import RanCell
from autograder.submission.code import changed_through, evades, grads_read
from autograder.submission.notebook import Submission

# What the explainer may say more of; the others have said why.
EXPLAINED = frozenset({Verdict.WRONG, Verdict.SHAPE, Verdict.PATH_MISSING})
RIGHT = frozenset({Verdict.EXACT, Verdict.APPROXIMATE})


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
        for verdict, where in ((Verdict.AUTOGRAD, "autograd"), (Verdict.NUMERICAL, "numerical differentiation")):
            if count := sum(step.verdict == verdict for step in steps):
                flags.append(f"{count} gradient{'s come' if count > 1 else ' comes'} from {where}")
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
            behind = [name for name in self.targets.behind.get(step.name, ()) if name in judgements]
            wrong = tuple(name for name in behind if judgements[name].verdict not in RIGHT)
            judgement = judge(self._evidence(step, submission, attempts, wrong))
            if judgement.verdict in EXPLAINED:
                # A mark stands by itself: where no reason can be found, for whatever cause, there is none.
                with suppress(Exception):
                    other = changed_through(step.name, submission)
                    values, sources = attempts.values.get(step.name, ()), submission.sources[step.name]
                    reason = shared(step.name, other) or self.explainer.why(step, values, sources)
                    judgement = explained(judgement, reason)
            elif judgement.verdict == Verdict.FOLLOW_THROUGH:
                earlier = [name for name in self.explainer.made_from(step) if name in judgements]
                named = [name for name in earlier if not judgements[name].comparison.approximate]
                judgement = following(judgement, named or wrong)
            judgements[step.name] = judgement
        return judgements

    def _evidence(
        self, step: Step, submission: Submission, attempts: Attempts, earlier_wrong: tuple[str, ...]
    ) -> Evidence:
        name = step.name
        sources, makers = attempts.apart.sources, attempts.apart.makers[name]
        order = attempts.apart.order
        recorded = {n: order[cell.index] for cell in attempts.apart.submission.script for n in cell.records}
        public, ended = attempts.recording.runs[0], attempts.ended
        unfinished = attempts.recording.unfinished
        why = None if unfinished is None else unfinished.why
        # Its own cells, and those that its answer stands in: in one cell with others, in a cell of the student's own.
        own = tuple(dict.fromkeys((*submission.indices[name], *(attempts.apart.cells[index] for index in makers))))
        ran = [public.cells[index] for index in own if index in public.cells]
        value = public.values.get(name)
        parts = tuple(dict.fromkeys((*makers, *submission.indices[name])))
        return Evidence(
            public=value,
            truth=self.targets.public[name],
            end=attempts.end[name],
            step=attempts.step[name],
            true=attempts.true.get(name, UNTRIED),
            vanishing=name in self.targets.vanishing,
            earlier_wrong=earlier_wrong,
            error=with_cause(
                next((cell.error for cell in ran if cell.error is not None), None), submission.script, public.cells
            ),
            late=any(cell.timed_out for cell in ran) or any(ended[index].late for index in own if index in ended),
            ended=next((ended[index].why for index in own if index in ended), why if value is None else None),
            uses_autograd=any(cell.uses for cell in public.cells.values()),
            grads=self._grads_read(sources[index] for index in parts if index in sources),
            tensor=step.tensor,
            evades=evades(
                {order[index]: source for index, source in sources.items()},
                [order[index] for index in parts if index in order],
                name,
                recorded,
            ),
            numerical=name in attempts.numerical,
            idle_path=name in attempts.idle_path,
            unset=name if name in attempts.unset else "",
            unfinished="" if why is None else f"not all of its runs were finished: {why}",
        )

    def _grads_read(self, sources: Iterable[str]) -> tuple[str, ...]:
        """Return whose `.grad` the code reads; "" for a tensor that is none of the forward pass."""
        known = set(variables(self.exercise).values())
        return tuple(dict.fromkeys(name if name in known else "" for name in grads_read(sources)))

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
