"""Exercises 2, 3 and 4: no right answer loses a mark, no wrong one has full credit."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from autograder.marking.grader import Grader
from autograder.marking.verdict import CREDIT
from tests.marks.earned import credit_of, lost_of
from tests.marks.later_answers import BATCHNORM, CROSS_ENTROPY, RIGHT, TRAINING, WRONG
from tests.marks.later_judge import exercise, grade, judges, mutations, solutions, step_of
from tests.warm import warm_grader

pytestmark = [pytest.mark.marks, pytest.mark.filterwarnings("ignore")]

EXERCISES = (CROSS_ENTROPY, BATCHNORM, TRAINING)


@pytest.fixture(scope="module", params=EXERCISES)
def later(request: pytest.FixtureRequest) -> Iterator[Grader]:
    """A warm grader of each of the three exercises in turn."""
    with warm_grader(exercise(request.param), b"the secret of the later marks", CREDIT, jobs=2) as warm:
        yield warm


def test_enough_of_them() -> None:
    right = [(name, cell, code) for name in EXERCISES for cell, codes in RIGHT[name].items() for code in codes]
    wrong = [(name, cell, code) for name in EXERCISES for cell, codes in WRONG[name].items() for code in codes]
    wrong += [(name, m.cell, m.code) for name in EXERCISES for m in mutations(name)]
    assert len(set(right)) == len(right) >= 30
    assert len(set(wrong)) == len(wrong) >= 150
    assert not set(right) & set(wrong)
    assert all(RIGHT[name].keys() == solutions(name).keys() for name in EXERCISES)


@pytest.mark.parametrize("name", EXERCISES)
def test_the_judge_knows_right_from_wrong(name: str) -> None:
    for cell, codes in RIGHT[name].items():
        for code in (solutions(name)[cell], *(c for c in codes if "float" not in c)):
            assert not [judge for judge in judges(name) if judge.is_wrong(cell, code)], code
    for cell, codes in WRONG[name].items():
        for code in codes:
            # Autograd's own answer is right; it is no derivation.
            if not any(word in code for word in ("torch.autograd", "backward", "torch.func")):
                assert all(judge.is_wrong(cell, code) for judge in judges(name)), code


def test_the_solution_itself(later: Grader) -> None:
    result = grade(later, {})
    assert not lost_of(result)
    assert result.score == later.exercise.max_score


def test_right_answers(later: Grader, counts: list[str]) -> None:
    """One of each cell in a submission."""
    name = later.exercise.name
    rounds = list(itertools.zip_longest(*([(cell, code) for code in codes] for cell, codes in RIGHT[name].items())))
    lost = []
    for packed in rounds:
        cells = dict(pair for pair in packed if pair is not None)
        lost += [f"{sentence} in {cells}" for sentence in lost_of(grade(later, cells))]
    tried = sum(map(len, RIGHT[name].values()))
    counts.append(f"{name}: {tried} right answers tried, {len(lost)} false fails")
    assert not lost, "\n".join(lost)


def test_wrong_answers(later: Grader, counts: list[str]) -> None:
    """Those written by hand, each alone: it has no credit, and no other step loses any."""
    name = later.exercise.name
    passed, others = [], []
    for cell, codes in WRONG[name].items():
        for code in codes:
            result = grade(later, {cell: code})
            step = step_of(name, cell)
            if credit_of(result, step) > 0:
                passed.append(f"{step} in {code!r}")
            others += [
                f"{sentence} after {code!r}" for sentence in lost_of(result) if not sentence.startswith(f"{step}:")
            ]
    counts.append(f"{name}: {sum(map(len, WRONG[name].values()))} wrong answers by hand, {len(passed)} false passes")
    assert not passed, "\n".join(passed)
    assert not others, "\n".join(others)


def test_mutations(later: Grader, counts: list[str]) -> None:
    """One of each cell in a submission; two mistakes may cancel, so that what passes is tried again alone."""
    name = later.exercise.name
    by_cell = [[m for m in mutations(name) if m.cell == cell] for cell in solutions(name)]
    passed = []
    for packed in itertools.zip_longest(*by_cell):
        row = [mutation for mutation in packed if mutation is not None]
        result = grade(later, {m.cell: m.code for m in row})
        for mutation in row:
            step = step_of(name, mutation.cell)
            if credit_of(result, step) > 0 and credit_of(grade(later, {mutation.cell: mutation.code}), step) > 0:
                passed.append(f"{step} ({mutation.kind}): {mutation.code!r}")
    counts.append(f"{name}: {len(mutations(name))} mutations tried, {len(passed)} false passes")
    assert not passed, "\n".join(passed)


def test_wrong_gradients_cost_the_update_nothing(later: Grader) -> None:
    if later.exercise.name != TRAINING:
        pytest.skip("it has no update")
    gradients = {cell: f"{cell} = torch.zeros(3)" for cell in solutions(TRAINING) if cell != "update"}
    result = grade(later, gradients)
    assert {step.name: step.points for step in result.steps if step.points} == {"update_losses": 3.0}
