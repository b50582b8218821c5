"""Every way of answering earns the same mark: right answers keep all, and k wrong steps lose exactly these k."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from autograder.marking.grader import Grader
from autograder.marking.result import SubmissionResult
from autograder.sandbox.limits import Limits
from autograder.submission.notebook import submission_from_notebook
from tests.marks.notebooks import exercise, solutions, variable
from tests.marks.right_answers import RIGHT
from tests.marks.ways import WAYS, Way, fits
from tests.marks.wrong_answers import mutations
from tests.warm import warm_grader

pytestmark = [pytest.mark.marks, pytest.mark.filterwarnings("ignore")]

MIXES = 60
WRONG = 300  # wrong steps
TOGETHER = 4  # wrong steps in one answer
SLOW = {"beside an endless cell": 6}  # ways of which only each so many is tried: each waits for a time-out


@pytest.fixture(scope="module")
def quick():
    """A grader that does not wait long for an endless cell."""
    limits = replace(Limits(), cell_seconds=4.0, stall_seconds=1.0)
    with warm_grader(exercise(), b"the secret of the ways", jobs=2, limits=limits) as grader:
        yield grader


@pytest.fixture(scope="module")
def raising(quick: Grader) -> set[int]:
    """Those of the wrong answers in which a cell raises, by their number."""
    with ThreadPoolExecutor(2) as pool:
        plain = list(pool.map(lambda answer: graded(quick, WAYS[0], solutions() | answer), wrong_answers()))
    return {number for number, result in enumerate(plain) if any(step.error is not None for step in result.steps)}


def graded(grader: Grader, way: Way, cells: dict[str, str]) -> SubmissionResult:
    notebook = way.notebook(cells)
    return grader.grade("s", lambda: submission_from_notebook(notebook, grader.exercise))


def fitting(way: Way, cells: dict[str, str]) -> dict[str, str]:
    """The answer with the solution's own cell where the code cannot be written in this way."""
    return {cell: code if fits(way, cell, code) else solutions()[cell] for cell, code in cells.items()}


def mixes() -> list[dict[str, str]]:
    source = random.Random(13)
    return [{cell: source.choice([own, *RIGHT[cell]]) for cell, own in solutions().items()} for _ in range(MIXES)]


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


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_right_answer_keeps_all_its_marks(quick: Grader, way: Way, counts: list[str]) -> None:
    answers = [fitting(way, cells) for cells in mixes()[:: SLOW.get(way.name, 1)]]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda cells: graded(quick, way, cells), answers))
    lost = [
        f"{step.name}: {step.verdict} ({step.hint or step.error}) for "
        + " | ".join(repr(code) for cell, code in cells.items() if variable(cell) == step.name)
        for result, cells in zip(results, answers, strict=True)
        for step in result.lost
    ]
    counts.append(f"ways: {way.name}: {len(answers)} right answers, {len(lost)} false fails")
    assert not lost, "\n".join(lost)
    assert {(result.status, result.error, result.score) for result in results} == {("graded", None, 26.0)}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_wrong_steps_lose_their_own_marks_only(quick: Grader, way: Way, raising: set[int], counts: list[str]) -> None:
    tried, kept, bystanders = 0, [], []
    # A step that raises, or one that makes a later one raise, ends a function or a loop: nothing comes out of it.
    in_parts = way.name == "cell by cell" or way.fits("y.tolist()")
    used = [
        {cell: code for cell, code in answer.items() if fits(way, cell, code)}
        for number, answer in enumerate(wrong_answers())
        if in_parts or number not in raising
    ][:: SLOW.get(way.name, 1)]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda each: graded(quick, way, solutions() | each), used))
    for result, answer in zip(results, used, strict=True):
        wrong = {variable(cell) for cell in answer}
        steps = {step.name: step for step in result.steps}
        tried += len(wrong)
        kept += [
            f"{name} {steps[name].verdict} for {answer}"
            for name in wrong
            if steps[name].points == steps[name].max_points
        ]
        bystanders += [
            f"{step.name} {step.verdict} {step.hint} for {answer}" for step in result.lost if step.name not in wrong
        ]
    counts.append(
        f"ways: {way.name}: {tried} wrong steps, {len(bystanders)} bystanders lost, {len(kept)} kept their marks"
    )
    assert not bystanders, "\n".join(bystanders)
    assert not kept, "\n".join(kept)
