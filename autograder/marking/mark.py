"""Judge every step of one submission, and give the reason where one is known. Pure: all that ran has run before."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from autograder.dojo.explain.reason import SECONDS
from autograder.dojo.explain.sentences import Explanation
from autograder.dojo.judge import IDLE_HINT, Evidence, Judgement, judge
from autograder.dojo.targets import UNTRIED
from autograder.dojo.trial.code import grads_read
from autograder.exercise.notebook import Exercise, Step
from autograder.marking.attempts import Attempts
from autograder.marking.cause import with_cause
from autograder.marking.compare import Targets, variables
from autograder.marking.reasons import Explainer, explained, following, shared
from autograder.marking.result import Status, StepResult, SubmissionResult
from autograder.marking.verdict import Verdict
from autograder.sandbox.host.received import RanCell
from autograder.submission.aliases import changed_through
from autograder.submission.evasion import evades
from autograder.submission.notebook import Submission

# What the explainer may say more of; the others have said why.
EXPLAINED = frozenset({Verdict.WRONG, Verdict.SHAPE, Verdict.PATH_MISSING})
RIGHT = frozenset({Verdict.EXACT, Verdict.APPROXIMATE})
# Processor time for the reasons of one submission. The slowest of 380 wrong answers takes a seventh of it.
SECONDS_OF_ALL = 5.0


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
        left = SECONDS_OF_ALL
        for step in self.exercise.steps:
            behind = [name for name in self.targets.behind.get(step.name, ()) if name in judgements]
            wrong = tuple(name for name in behind if judgements[name].verdict not in RIGHT)
            judgement = judge(self._evidence(step, submission, attempts, wrong))
            raised = judgement.verdict == "error" and judgement.hint is None
            if judgement.verdict in EXPLAINED or judgement.hint == IDLE_HINT or raised:
                # A mark stands by itself: where no reason can be found, for whatever cause, there is none.
                started = time.thread_time()
                with suppress(Exception):
                    other = None if raised else changed_through(step.name, submission)
                    reason = shared(step.name, other) or self._why(step, attempts, min(SECONDS, left), raised=raised)
                    judgement = explained(judgement, reason)
                left -= time.thread_time() - started
            elif judgement.verdict == "follow-through":
                earlier = [name for name in self.explainer.made_from(step) if name in judgements]
                named = [name for name in earlier if not judgements[name].comparison.approximate]
                judgement = following(judgement, named or wrong)
            judgements[step.name] = judgement
        return judgements

    def _why(self, step: Step, attempts: Attempts, seconds: float, *, raised: bool) -> Explanation | None:
        apart = attempts.apart
        # An update may stand in any cell, under the name by which the run calls it.
        makers = apart.sources if step.moves else apart.makers[step.name]
        sources = [apart.sources[index] for index in makers]
        if raised:
            return self.explainer.raised(step, sources, seconds)
        return self.explainer.why(step, attempts.values.get(step.moves or step.name, ()), sources, seconds)

    def _evidence(
        self, step: Step, submission: Submission, attempts: Attempts, earlier_wrong: tuple[str, ...]
    ) -> Evidence:
        name = step.name
        sources, makers = attempts.apart.sources, attempts.apart.makers[name]
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
            evades=evades(attempts.apart.in_order, attempts.apart.numbers(parts), name, attempts.apart.recorded),
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
            verdict=Verdict(judgement.verdict),
            points=(step.points + step.bonus) * self.credit.get(judgement.verdict, 0.0),
            max_points=step.points,
            comparison=judgement.comparison,
            hint=judgement.hint,
            error=judgement.error,
            bonus=step.bonus,
        )
