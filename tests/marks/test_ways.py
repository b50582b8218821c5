"""Every way of answering earns the same mark: right answers keep all, and k wrong steps lose exactly these k."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from autograder.marking.grader import Grader
from autograder.sandbox.limits import Limits
from tests.marks.layouts import LAYOUTS
from tests.marks.mixed import Wrong, fitting, graded, mixes
from tests.marks.notebooks import exercise, solutions, variable
from tests.marks.ways import WAYS, Way
from tests.warm import warm_grader

pytestmark = [pytest.mark.marks, pytest.mark.filterwarnings("ignore")]

# Of some ways only each so many answer is tried: one waits for time-outs, and of the others there are many.
EACH = {"beside an endless cell": 6} | {way.name: 12 for way in LAYOUTS}
ALL = (*WAYS, *LAYOUTS)


@pytest.fixture(scope="module")
def quick():
    """A grader that does not wait long for an endless cell."""
    limits = replace(Limits(), cell_seconds=4.0, stall_seconds=1.0)
    with warm_grader(exercise(), b"the secret of the ways", jobs=2, limits=limits) as grader:
        yield grader


@pytest.fixture(scope="module")
def wrong(quick: Grader) -> Wrong:
    return Wrong(quick)


@pytest.mark.parametrize("way", ALL, ids=lambda way: way.name)
def test_a_right_answer_keeps_all_its_marks(quick: Grader, way: Way, counts: list[str]) -> None:
    answers = [fitting(way, cells) for cells in mixes()[:: EACH.get(way.name, 1)]]
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


@pytest.mark.parametrize("way", ALL, ids=lambda way: way.name)
def test_wrong_steps_lose_their_own_marks_only(quick: Grader, way: Way, wrong: Wrong, counts: list[str]) -> None:
    tried, kept, bystanders = 0, [], []
    used = wrong.fitting(way, EACH.get(way.name, 1))
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda each: graded(quick, way, solutions() | each), used))
    for result, answer in zip(results, used, strict=True):
        changed = {variable(cell) for cell in answer}
        steps = {step.name: step for step in result.steps}
        tried += len(changed)
        kept += [
            f"{name} {steps[name].verdict} for {answer}"
            for name in changed
            if steps[name].points == steps[name].max_points
        ]
        bystanders += [
            f"{step.name} {step.verdict} {step.hint} for {answer}" for step in result.lost if step.name not in changed
        ]
    counts.append(
        f"ways: {way.name}: {tried} wrong steps, {len(bystanders)} bystanders lost, {len(kept)} kept their marks"
    )
    assert not bystanders, "\n".join(bystanders)
    assert not kept, "\n".join(kept)
