"""What students would get is held against what the solution makes now."""

import shutil

import nbformat
import pytest

from autograder.author.answers import stub_cells, with_cells
from autograder.author.released import released_findings
from autograder.exercise.notebook import read_exercise
from autograder.exercise.stubs import stubs
from autograder.reference.compute import forward_shapes


@pytest.fixture
def generated(example, notebook, tmp_path):
    """The exercise, its stub lines, and the folder of an assignment as nbgrader generates it."""
    exercise = read_exercise(example)
    lines = stubs(exercise, forward_shapes(exercise))
    folder = tmp_path / "line"
    shutil.copytree(example.parent, folder)
    nbformat.write(with_cells(notebook, stub_cells(exercise, lines)), folder / example.name)
    return exercise, lines, folder


def said(generated):
    return [finding.line() for finding in released_findings(*generated)]


def test_what_was_just_generated_may_be_released(generated):
    assert said(generated) == []


def test_an_old_one_is_said_with_the_cell(generated):
    exercise, lines, folder = generated
    (found,) = said((exercise, lines | {"dh": "dh = another"}, folder))
    assert found.startswith("error   dh: ")
    assert "was generated before this cell was changed; run: make generate ASSIGNMENT=line" in found


def test_answers_and_other_files_are_said(generated):
    _, _, folder = generated
    (folder / "answers").mkdir()
    (folder / "dojo" / "compare.py").write_text("")
    first, second = said(generated)
    assert "would give students the answers" in first
    assert "is not the file that lies beside the solution" in second


def test_nothing_generated_is_said(generated, tmp_path):
    exercise, lines, _ = generated
    (found,) = said((exercise, lines, tmp_path / "nowhere"))
    assert "there is nothing to release; run: make generate" in found
