"""No right answer loses a mark: other ways of writing exercise 1, packed one a step into few submissions."""

from __future__ import annotations

import itertools
import random

import pytest

from autograder.marking.grader import Grader
from autograder.marking.result import SubmissionResult
from autograder.marking.verdict import CREDIT
from tests.marks.notebooks import exercise, grade, solutions, variable
from tests.marks.right_answers import RIGHT, WHOLE, Whole
from tests.warm import warm_grader

pytestmark = pytest.mark.marks

ROUNDS = max(map(len, RIGHT.values()))
MIXTURES = 60


def _failures(result: SubmissionResult, cells: dict[str, str]) -> list[str]:
    """Each mark that was lost, with the code that lost it."""
    if result.status != "graded":
        return [f"{result.status}: {result.error}"]
    return [
        f"{step.name}: {step.verdict} ({step.hint or step.error}) for "
        + " | ".join(repr(code) for cell, code in cells.items() if variable(cell) == step.name)
        for step in result.lost
    ]


def test_enough_and_all_distinct() -> None:
    codes = [(cell, code) for cell, several in RIGHT.items() for code in several]
    assert RIGHT.keys() == solutions().keys()
    assert len(set(codes)) == len(codes) >= 250
    assert all(code != solutions()[cell] for cell, code in codes)


def test_the_solution_itself(grader: Grader) -> None:
    result = grade(grader, {})
    assert result.lost == ()
    assert result.score == exercise().max_score == 26


def test_every_variant(grader: Grader, counts: list[str]) -> None:
    lost = []
    for number in range(ROUNDS):
        cells = {cell: several[number] for cell, several in RIGHT.items() if number < len(several)}
        lost += _failures(grade(grader, cells), cells)
    tried = sum(map(len, RIGHT.values()))
    counts.append(f"right answers: {tried} ways of writing a cell tried, {len(lost)} false fails")
    assert not lost, "\n".join(lost)


def test_mixtures_of_variants(grader: Grader, counts: list[str]) -> None:
    """What one step leaves behind (an alias, a float32 tensor, a name) takes no mark from another."""
    source = random.Random(26)
    lost = []
    for _ in range(MIXTURES):
        cells = {cell: source.choice([*several, solutions()[cell]]) for cell, several in RIGHT.items()}
        lost += _failures(grade(grader, cells), cells)
    counts.append(f"right answers: {MIXTURES} random mixtures of them tried, {len(lost)} false fails")
    assert not lost, "\n".join(lost)


def test_other_secrets() -> None:
    """A right answer stays right whatever the hidden cases are."""
    lost = []
    for secret in (b"another secret", b"and one more"):
        with warm_grader(exercise(), secret, CREDIT) as grader:
            for number in range(ROUNDS):
                cells = {cell: several[number % len(several)] for cell, several in RIGHT.items()}
                lost += _failures(grade(grader, cells), cells)
    assert not lost, "\n".join(lost)


@pytest.mark.parametrize("whole", WHOLE, ids=lambda whole: whole.name)
def test_notebooks_written_differently(grader: Grader, whole: Whole, counts: list[str]) -> None:
    result = grade(grader, whole.cells, whole.before, whole.after)
    assert not _failures(result, whole.cells)
    assert result.score == 26
    assert not [flag for flag in result.flags if "autograd" in flag]
    if whole is WHOLE[-1]:
        counts.append(f"right answers: {len(WHOLE)} notebooks written differently tried")


def test_a_packed_failure_is_named(grader: Grader) -> None:
    """The runner itself: a wrong answer among right ones is found and is the only one."""
    cells = {cell: several[0] for cell, several in RIGHT.items()} | {"dh": "dh = dlogits @ W2.T * 2"}
    failures = _failures(grade(grader, cells), cells)
    assert len(failures) == 1
    assert failures[0].startswith("dh: wrong")
    assert "W2.T * 2" in failures[0]


def test_rounds_cover_every_variant() -> None:
    seen = {
        (cell, several[number])
        for number, (cell, several) in itertools.product(range(ROUNDS), RIGHT.items())
        if number < len(several)
    }
    assert len(seen) == sum(map(len, RIGHT.values()))
