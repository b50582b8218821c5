"""Mixes of the right answers, and answers with some wrong steps, which every way of laying out is tried with."""

from __future__ import annotations

import functools
import itertools
import random
from dataclasses import dataclass, field

from autograder.marking.grader import Grader
from autograder.marking.result import SubmissionResult
from autograder.submission.notebook import submission_from_notebook
from tests.marks.notebooks import solutions, variable
from tests.marks.right_answers import RIGHT
from tests.marks.ways import CELL_BY_CELL, Way, fits
from tests.marks.wrong_answers import mutations

MIXES = 60
WRONG = 300  # wrong steps
TOGETHER = 4  # wrong steps in one answer


def graded(grader: Grader, way: Way, cells: dict[str, str]) -> SubmissionResult:
    notebook = way.notebook(cells)
    return grader.grade("s", lambda: submission_from_notebook(notebook, grader.exercise))


def mixes() -> list[dict[str, str]]:
    """Right answers: each cell drawn from the solution's own and all others."""
    source = random.Random(13)
    return [{cell: source.choice([own, *RIGHT[cell]]) for cell, own in solutions().items()} for _ in range(MIXES)]


def fitting(way: Way, cells: dict[str, str]) -> dict[str, str]:
    """The answer with the solution's own cell where the code cannot be written in this way."""
    return {cell: code if fits(way, cell, code) else solutions()[cell] for cell, code in cells.items()}


@functools.cache
def wrong_answers() -> list[dict[str, str]]:
    """Answers with some wrong steps each: the changed cells."""
    source = random.Random(31)
    by_name: dict[str, list] = {}
    for mutation in mutations():
        by_name.setdefault(variable(mutation.cell), []).append(mutation)
    answers = []
    while sum(map(len, answers)) < WRONG:
        names = source.sample(sorted(by_name), TOGETHER)
        chosen = [source.choice(by_name[name]) for name in names]
        answers.append({mutation.cell: mutation.code for mutation in chosen})
    return answers


@dataclass
class Wrong:
    """The wrong answers as they can be written in each way."""

    grader: Grader
    _raised: dict[frozenset[tuple[str, str]], bool] = field(default_factory=dict)

    def fitting(self, way: Way, each: int = 1, most: int | None = None) -> list[dict[str, str]]:
        """Return the changed cells of each so many answers, `most` at most; none that raises where all is lost then."""
        answers = [{c: code for c, code in answer.items() if fits(way, c, code)} for answer in wrong_answers()[::each]]
        left = (answer for answer in answers if answer and (way.in_parts or not self.raises(answer)))
        return list(itertools.islice(left, most))

    def raises(self, answer: dict[str, str]) -> bool:
        """Return whether a cell raises when the answer is written cell by cell."""
        key = frozenset(answer.items())
        if key not in self._raised:
            result = graded(self.grader, CELL_BY_CELL, solutions() | answer)
            self._raised[key] = any(step.error is not None for step in result.steps)
        return self._raised[key]
