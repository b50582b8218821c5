"""The notebooks that a check grades beside the solution."""

import shutil

import pytest

from autograder.author.answers import answer_of, own_answers, stub_cells, with_cells
from autograder.exercise.cells import ExerciseError
from autograder.exercise.notebook import files_of, read_exercise
from tests.notebooks import by_id


@pytest.fixture
def exercise(example, tmp_path):
    shutil.copytree(example.parent, tmp_path / "line")
    (tmp_path / "line" / "answers").mkdir()
    return read_exercise(tmp_path / "line" / example.name)


def write(exercise, name, text):
    (exercise.path.parent / "answers" / name).write_text(text)


def test_a_copy_has_other_sources_in_its_cells_and_the_original_stays(notebook):
    before = by_id(notebook)["dh"].source
    assert by_id(with_cells(notebook, {"dh": "dh = 1"}))["dh"].source == "dh = 1"
    assert by_id(notebook)["dh"].source == before


def test_a_stub_takes_the_place_of_the_region_only(exercise):
    exercise.cells["dh"].source = "# before\n    ### BEGIN SOLUTION\n    dh = 1\n    ### END SOLUTION\n# after"
    assert stub_cells(exercise, {"dh": "dh = None"})["dh"] == "# before\n    dh = None\n# after"
    assert answer_of(exercise.cells["dh"].source) == "    dh = 1"


def test_own_answers_name_the_cells_that_they_replace(exercise):
    write(exercise, "right_other.py", "# %% dh\ndh = dz2.mm(W2.T)\n# %% db2\ndb2 = dz2.sum(0)\n")
    write(exercise, "wrong_sign.py", "# %% dh\ndh = -dz2 @ W2.T\n")
    right, wrong = own_answers(exercise)
    assert (right.right, right.cells) == (True, {"dh": "dh = dz2.mm(W2.T)", "db2": "db2 = dz2.sum(0)"})
    assert not wrong.right


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("other.py", "# %% dh\n", "neither right_\\*.py nor wrong_\\*.py"),
        ("right_a.py", "dh = 1", "names no cell"),
        ("right_a.py", "# %% dnothing\nx = 1", "replaces dnothing, which is no solution cell"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused(exercise, name, text, says):
    write(exercise, name, text)
    with pytest.raises(ExerciseError, match=says):
        own_answers(exercise)


def test_answers_go_neither_to_students_nor_into_grading(exercise):
    write(exercise, "right_a.py", "# %% dh\ndh = 1")
    assert not [file for file in files_of(exercise.path.parent) if "answers" in file.parts]
