"""Every way of answering earns the same mark: right answers keep all, and k wrong steps lose exactly these k."""

from __future__ import annotations

import os
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

MIXES = int(os.environ.get("MIXES", "60"))
WRONG = int(os.environ.get("WRONG", "300"))  # wrong steps
TOGETHER = 4  # wrong steps in one answer


@pytest.fixture(scope="module")
def quick():
    """A grader that does not wait long for an endless cell."""
    limits = replace(Limits(), cell_seconds=4.0, stall_seconds=1.0)
    with warm_grader(exercise(), b"the secret of the ways", jobs=2, limits=limits) as grader:
        yield grader


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
    answers = [fitting(way, cells) for cells in mixes()]
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda cells: graded(quick, way, cells), answers))
    lost = [
        f"{step.name}: {step.verdict} ({step.hint or step.error}) for "
        + " | ".join(repr(code) for cell, code in cells.items() if variable(cell) == step.name)
        for result, cells in zip(results, answers, strict=True)
        for step in result.lost
    ]
    counts.append(f"ways: {way.name}: {MIXES} right answers, {len(lost)} false fails")
    assert not lost, "\n".join(lost)
    assert {(result.status, result.error, result.score) for result in results} == {("graded", None, 26.0)}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_wrong_steps_lose_their_own_marks_only(quick: Grader, way: Way, counts: list[str]) -> None:
    tried, kept, bystanders = 0, [], []
    answers = wrong_answers()
    cells = [solutions() | answer for answer in answers]
    with ThreadPoolExecutor(2) as pool:
        plain = list(pool.map(lambda each: graded(quick, WAYS[0], each), cells))

        # A step that raises, or one that makes a later one raise, ends a function or a loop: nothing comes out of it.
        def written(number: int) -> dict[str, str]:
            whole = way.fits("if x: pass\ny.tolist()") or all(step.error is None for step in plain[number].steps)
            return {cell: code for cell, code in answers[number].items() if whole and fits(way, cell, code)}

        used = [written(number) for number in range(len(answers))]
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
