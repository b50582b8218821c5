"""What a class's marks say of the steps: how hard each was, how well it tells students apart, what went wrong."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.marking.result import StepResult, SubmissionResult
from autograder.marking.verdict import CREDIT, Verdict

FEWEST = 5  # submissions from which on a correlation is computed; with fewer it says nothing


@dataclass(frozen=True)
class Mistake:
    """One mistake in one step and who made it. reason: the sentence that the student reads, or the verdict."""

    step: str
    reason: str
    students: tuple[str, ...]


@dataclass(frozen=True)
class StepStatistics:
    """One step of all submissions.

    earned: the mean share of its points, 0 to 1; the item difficulty of test theory. discrimination: the correlation of
    its points with those of all other steps, -1 to 1; None where all have the same or there are too few. untouched:
    how many left it out. mistakes: the most frequent first.
    """

    step: str
    points: float
    bonus: float
    earned: float
    discrimination: float | None
    untouched: int
    mistakes: tuple[Mistake, ...]


def step_statistics(results: Sequence[SubmissionResult]) -> list[StepStatistics]:
    """Return the figures of each step, in the order of the steps. Without results there are none."""
    if not results:
        return []
    by_name = [{step.name: step for step in result.steps} for result in results]
    totals = [sum(step.points for step in result.steps) for result in results]
    made = mistakes(results)
    found = []
    for name, first in by_name[0].items():
        # Results of before and after an exercise was changed may have other steps.
        having = [(steps[name], total) for steps, total in zip(by_name, totals, strict=True) if name in steps]
        points = [step.points for step, _ in having]
        found.append(
            StepStatistics(
                name,
                first.max_points,
                first.bonus,
                statistics.fmean(_share(step) for step, _ in having),
                _correlation(points, [total - step.points for step, total in having]),
                sum(step.verdict == Verdict.MISSING for step, _ in having),
                tuple(mistake for mistake in made if mistake.step == name),
            )
        )
    return found


def mistakes(results: Iterable[SubmissionResult]) -> list[Mistake]:
    """Return all mistakes that were made, the most frequent first, each with who made it."""
    made: dict[tuple[str, str], list[str]] = {}
    for result in results:
        for step in result.steps:
            if not step.is_full and is_mistake(step):
                reason = step.hint or (f"{step.verdict.value}: {step.error}" if step.error else step.verdict.value)
                made.setdefault((step.name, reason), []).append(result.student)
    found = [Mistake(step, reason, tuple(dict.fromkeys(students))) for (step, reason), students in made.items()]
    return sorted(found, key=lambda mistake: -len(mistake.students))


def is_mistake(step: StepResult) -> bool:
    """Return whether the student tried the step: what was left out, or taken from autograd, is no mistake."""
    return step.verdict not in (Verdict.MISSING, Verdict.AUTOGRAD)


def bins(marks: Iterable[float], points: float) -> list[tuple[float, float, int]]:
    """Return (from, to, how many) for about ten equal ranges of marks; all but the last without their end."""
    width = next(w for w in (*(0.25, 0.5, 1, 2, 2.5, 5, 10, 20, 25, 50, 100), points) if points / w <= 12)
    number = max(1, round(-(-points // width)))
    counted = Counter(min(number - 1, int(mark // width)) for mark in marks)
    return [(index * width, min(points, (index + 1) * width), counted[index]) for index in range(number)]


def _share(step: StepResult) -> float:
    """Return the share of its points that a step earned; of one that is worth none, whether it was right."""
    most = step.max_points + step.bonus
    return step.points / most if most else float(CREDIT.get(step.verdict, 0.0))


def _correlation(one: list[float], other: list[float]) -> float | None:
    if len(one) < FEWEST:
        return None
    try:
        return statistics.correlation(one, other)
    except statistics.StatisticsError:  # all have the same
        return None
