"""What differs between an exercise and its release."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest

from autograder.exercise.changes import changes, released_cells, same_text, since_released
from autograder.exercise.notebook import exercise_from_notebook
from tests.notebooks import by_id, code, tide

RELEASED = released_cells(by_id(tide()))


def now(change):
    notebook = tide()
    change(notebook, by_id(notebook))
    return changes(exercise_from_notebook(notebook, Path("tide.ipynb")), RELEASED, "in the gradebook it")


def points(notebook, cells):
    cells["cmp_dfoam"].metadata["nbgrader"]["points"] = 3


def text(cell):
    def change(notebook, cells):
        cells[cell].source += "\n# mended"

    return change


def without(*names):
    def change(notebook, cells):
        for name in names:
            notebook.cells.remove(cells[name])

    return change


def another_cell(notebook, cells):
    info = {"grade_id": "more", "grade": False, "solution": False, "locked": True}
    notebook.cells.insert(2, code("x = 1", nbgrader=info))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (points, ["cmp_dfoam is worth 3 points, in the gradebook it has 2"]),
        (text("forward"), ["the forward cell has another text"]),
        (text("data"), ["the locked cell data has another text"]),
        (without("dtide", "cmp_dtide"), ["cmp_dtide is gone, in the gradebook it has 4 points"]),
        (another_cell, ["the locked cell more is new"]),
        (lambda notebook, cells: notebook.cells[0].update(source="# Another title"), []),
        (lambda notebook, cells: cells["dcrest"].update(source="dcrest = 1 + 0"), []),
        (lambda notebook, cells: None, []),
    ],
    ids=["points", "forward", "setup", "a step less", "a cell more", "a title", "a solution", "nothing"],
)
def test_what_may_move_a_mark_is_said(change, says):
    assert now(change) == says


def test_a_step_that_was_not_released():
    released = {name: cell for name, cell in RELEASED.items() if name != "cmp_dtide"}
    exercise = exercise_from_notebook(tide(), Path("tide.ipynb"))
    assert changes(exercise, released, "it") == ["cmp_dtide is worth 4 points, it is not there"]


def test_the_kind_of_line_ends_is_no_change():
    assert same_text("a\r\nb\r\n", "a\nb")
    assert not same_text("a\nb", "a b")


def test_against_the_notebook_that_students_were_given(tmp_path):
    path = tmp_path / "tide.ipynb"
    exercise = exercise_from_notebook(tide(), path)
    assert since_released(exercise, path) == []  # not released
    released = tide()
    by_id(released)["dtide"].source = "dtide = None  # TODO"
    nbformat.write(released, path)
    assert since_released(exercise, path) == []
    by_id(released)["cmp_dtide"].metadata["nbgrader"]["points"] = 5
    nbformat.write(released, path)
    assert since_released(exercise, path) == [f"cmp_dtide is worth 4 points, in {path} it has 5"]
