"""The exercise's own answers, graded as a student's."""

import shutil

import nbformat
import pytest

from autograder.author.answers import with_cells
from autograder.author.graded import graded_findings
from autograder.exercise.notebook import read_exercise
from autograder.exercise.stubs import stubs
from autograder.reference.compute import forward_shapes
from tests.warm import warm_grader


@pytest.fixture(scope="module")
def warm(example, tmp_path_factory):
    """A grader of a copy of the example, whose folder may be changed."""
    folder = tmp_path_factory.mktemp("line")
    shutil.copytree(example.parent, folder, dirs_exist_ok=True)
    exercise = read_exercise(folder / example.name)
    with warm_grader(exercise) as grader:
        yield grader, stubs(exercise, forward_shapes(exercise)), nbformat.read(example, as_version=4)


def said(warm, cells=None, lines=None):
    grader, stub_lines, book = warm
    found = graded_findings(with_cells(book, cells or {}), grader.exercise, grader, lines or stub_lines)
    return [finding.line() for finding in found]


def test_the_solution_earns_all_and_the_stub_nothing(warm):
    assert said(warm) == []


def test_a_wrong_solution_is_said_with_the_reason_a_student_would_read(warm):
    (found,) = said(warm, {"dh": "dh = -dz2 @ W2.T"})
    assert found == "error   cmp_dh: the solution earns 0 of 1: wrong, the sign is wrong"


def test_a_stub_that_earns_something_is_said(warm):
    _, lines, _ = warm
    (found,) = said(warm, lines=lines | {"dh": "dh = dz2 @ W2.T"})
    assert "cmp_dh: the untouched stub earns 1" in found


def test_the_authors_own_answers_earn_what_they_say(warm):
    grader, _, _ = warm
    answers = grader.exercise.path.parent / "answers"
    answers.mkdir()
    (answers / "right_mm.py").write_text("# %% dh\ndh = dz2.mm(W2.T)\n")
    (answers / "wrong_sign.py").write_text("# %% dh\ndh = -dz2 @ W2.T\n")
    assert said(warm) == []
    (answers / "right_mm.py").rename(answers / "wrong_mm.py")
    (answers / "wrong_sign.py").rename(answers / "right_sign.py")
    first, second = said(warm)
    assert "answers/right_sign.py: is to be right, but dh earns 0 of 1" in first
    assert "answers/wrong_mm.py: is to be wrong, but earns all points" in second
