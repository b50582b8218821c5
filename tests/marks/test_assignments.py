"""The assignments beside backprop: no right answer loses a mark, a wrong one costs its own step and no other."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from autograder.marking.grader import Grader
from autograder.marking.verdict import CREDIT
from tests.marks.assignment_judge import Answers
from tests.marks.earned import credit_of, lost_of
from tests.marks.notebooks import ROOT
from tests.warm import warm_grader

pytestmark = [pytest.mark.marks, pytest.mark.filterwarnings("ignore")]

ALL = [
    Answers(path.parent.name, path.stem)
    for path in sorted((ROOT / "solutions").glob("*/*.ipynb"))
    if path.parent.name != "backprop"
]
# Autograd's own answer is right, and a difference nearly; neither is a derivation.
NO_DERIVATION = ("torch.autograd", "backward", "torch.func", ".grad", "slope(")


@pytest.fixture(scope="module", params=ALL, ids=lambda answers: f"{answers.assignment}-{answers.name}")
def answers(request: pytest.FixtureRequest) -> Answers:
    found: Answers = request.param
    return found


@pytest.fixture(scope="module")
def warm(answers: Answers) -> Iterator[Grader]:
    with warm_grader(answers.exercise, b"the secret of the later assignments", CREDIT, jobs=2) as grader:
        yield grader


@pytest.mark.parametrize("assignment", sorted({answers.assignment for answers in ALL}))
def test_enough_of_them(assignment: str) -> None:
    own = [answers for answers in ALL if answers.assignment == assignment]
    right = [(each.name, cell, code) for each in own for cell, codes in each.right.items() for code in codes]
    wrong = [(each.name, cell, code) for each in own for cell, codes in each.wrong.items() for code in codes]
    wrong += [(each.name, m.cell, m.code) for each in own for m in each.mutations]
    assert len(set(right)) == len(right) >= 40
    assert len(set(wrong)) >= 300
    assert not set(right) & set(wrong)
    assert all(each.right.keys() == each.solutions.keys() for each in own)


def test_the_judge_knows_right_from_wrong(answers: Answers) -> None:
    for cell, codes in answers.right.items():
        # In float32 the judge, which knows rounding in float64 only, cannot tell.
        for code in (answers.solutions[cell], *(code for code in codes if "float" not in code)):
            judged = [j.is_wrong(answers.cells_with(cell, code), answers.step_of(cell)) for j in answers.judges]
            assert not any(judged), code
    for cell, codes in answers.wrong.items():
        for code in codes:
            if not any(word in code for word in NO_DERIVATION):
                assert answers.is_wrong(cell, code), code


def test_the_solution_itself(answers: Answers, warm: Grader) -> None:
    result = answers.grade(warm, {})
    assert not lost_of(result)
    assert result.score == answers.exercise.max_score


def test_right_answers(answers: Answers, warm: Grader, counts: list[str]) -> None:
    """One of each cell in a submission."""
    lost = []
    for packed in itertools.zip_longest(*([(cell, code) for code in codes] for cell, codes in answers.right.items())):
        cells = dict(pair for pair in packed if pair is not None)
        lost += [f"{sentence} in {cells}" for sentence in lost_of(answers.grade(warm, cells))]
    tried = sum(map(len, answers.right.values()))
    counts.append(f"{answers.assignment}/{answers.name}: {tried} right answers tried, {len(lost)} false fails")
    assert not lost, "\n".join(lost)


def test_wrong_answers(answers: Answers, warm: Grader, counts: list[str]) -> None:
    """Those written by hand and some mutations of each step, each alone: no credit, and no other step loses any."""
    tried = [(cell, code) for cell, codes in answers.wrong.items() for code in codes]
    for step in answers.exercise.steps:
        tried += [(m.cell, m.code) for m in answers.mutations if m.cell in step.solutions][:3]
    passed, others = [], []
    for cell, code in tried:
        result, step_name = answers.grade(warm, {cell: code}), answers.step_of(cell)
        if credit_of(result, step_name) > 0:
            passed.append(f"{step_name} in {code!r}")
        others += [f"{lost} after {code!r}" for lost in lost_of(result) if not lost.startswith(f"{step_name}:")]
    counts.append(f"{answers.assignment}/{answers.name}: {len(tried)} wrong answers alone, {len(passed)} false passes")
    assert not passed, "\n".join(passed)
    assert not others, "\n".join(others)


def test_mutations(answers: Answers, warm: Grader, counts: list[str]) -> None:
    """One of each step in a submission; two mistakes may cancel, so that what passes is tried again alone."""
    by_step = [[m for m in answers.mutations if m.cell in step.solutions] for step in answers.exercise.steps]
    passed = []
    for packed in itertools.zip_longest(*by_step):
        row = [mutation for mutation in packed if mutation is not None]
        result = answers.grade(warm, {m.cell: m.code for m in row})
        for m in row:
            step = answers.step_of(m.cell)
            if credit_of(result, step) > 0 and credit_of(answers.grade(warm, {m.cell: m.code}), step) > 0:
                passed.append(f"{step} ({m.kind}): {m.code!r}")
    number = len(answers.mutations)
    counts.append(f"{answers.assignment}/{answers.name}: {number} mutations tried, {len(passed)} false passes")
    assert not passed, "\n".join(passed)
