import copy
from pathlib import Path

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.preprocessors import CheckCellMetadata

from autograder.exercise.notebook import exercise_from_notebook, nbgrader_info
from autograder.nbgrader.restore import restore
from autograder.submission.notebook import submission_from_notebook
from tests import notebooks
from tests.notebooks import by_id, code

TIDE = exercise_from_notebook(notebooks.tide(), Path("tide.ipynb"))
POINTS = {"cmp_dcrest": 1, "cmp_dfoam": 2, "cmp_dwave": 3, "cmp_dtide": 4}


@pytest.fixture
def handed_in():
    return notebooks.tide()


def remove(notebook, *grade_ids):
    ids = by_id(notebook)
    for grade_id in grade_ids:
        notebook.cells.remove(ids[grade_id])


def order(notebook):
    return [nbgrader_info(cell).get("grade_id", cell.source) for cell in notebook.cells]


def points(notebook):
    """Points of every check cell, as a list of pairs so that a duplicate shows."""
    infos = [nbgrader_info(cell) for cell in notebook.cells]
    return sorted((info["grade_id"], info["points"]) for info in infos if info.get("grade"))


def test_an_undamaged_notebook_is_left_as_it_is(handed_in):
    before = copy.deepcopy(handed_in)
    restore(handed_in, TIDE)
    assert handed_in == before


@pytest.mark.parametrize("grade_id", POINTS)
def test_a_deleted_check_cell_comes_back_in_its_place(handed_in, grade_id):
    before = order(handed_in)
    remove(handed_in, grade_id)
    restore(handed_in, TIDE)
    assert order(handed_in) == before
    assert by_id(handed_in)[grade_id].source == TIDE.cells[grade_id].source


def test_check_and_solution_cell_both_deleted_the_check_comes_back_at_the_end(handed_in):
    remove(handed_in, "dfoam", "cmp_dfoam")
    restore(handed_in, TIDE)
    assert order(handed_in)[-1] == "cmp_dfoam"
    assert "dfoam" not in order(handed_in)


def test_a_check_cell_comes_back_behind_the_paths_that_are_left(handed_in):
    remove(handed_in, "dwave_path2", "cmp_dwave")
    restore(handed_in, TIDE)
    position = order(handed_in).index("cmp_dwave")
    assert order(handed_in)[position - 1] == "dwave_path1"


def test_raised_points_are_put_back(handed_in):
    by_id(handed_in)["cmp_dcrest"].metadata["nbgrader"]["points"] = 100
    restore(handed_in, TIDE)
    assert dict(points(handed_in)) == POINTS


@pytest.mark.parametrize(
    "info", ["x", 5, None, [], {}, {"grade_id": 5}, {"grade_id": ["x"]}, {"grade_id": "unknown", "grade": True}]
)
def test_a_check_cell_with_broken_metadata_becomes_an_ordinary_cell_and_a_new_one_is_added(handed_in, info):
    broken = by_id(handed_in)["cmp_dcrest"]
    broken.metadata["nbgrader"] = info
    restore(handed_in, TIDE)
    assert "nbgrader" not in broken.metadata
    assert dict(points(handed_in)) == POINTS


def test_of_two_cells_with_one_id_the_last_keeps_it(handed_in):
    first = by_id(handed_in)["dcrest"]
    last = code("mine", nbgrader=copy.deepcopy(first.metadata["nbgrader"]))
    handed_in.cells.append(last)
    restore(handed_in, TIDE)
    assert "nbgrader" not in first.metadata
    assert nbgrader_info(last)["grade_id"] == "dcrest"


def test_reordered_cells_stay_where_the_student_put_them(handed_in):
    handed_in.cells.reverse()
    before = order(handed_in)
    restore(handed_in, TIDE)
    assert order(handed_in) == before


def test_a_cell_comes_back_under_an_id_of_its_own(handed_in):
    lost = by_id(handed_in)["cmp_dcrest"]
    del lost.metadata["nbgrader"]
    lost.id = TIDE.cells["cmp_dcrest"].id
    restore(handed_in, TIDE)
    ids = [cell.id for cell in handed_in.cells]
    assert len(ids) == len(set(ids))


def test_an_older_notebook_without_cell_ids_stays_valid(handed_in):
    handed_in.nbformat_minor = 4
    for cell in handed_in.cells:
        del cell["id"]
    remove(handed_in, "cmp_dcrest")
    restore(handed_in, TIDE)
    nbformat.validate(handed_in)


@st.composite
def damaged(draw):
    """The small exercise with cells deleted, duplicated, moved, added, and metadata lost or made up."""
    notebook = copy.deepcopy(notebooks.tide())
    cells = draw(st.lists(st.sampled_from(notebook.cells), max_size=25))
    notebook.cells = [copy.deepcopy(cell) for cell in cells]
    anything = st.sampled_from(["x", 5, None, {}, {"grade_id": 5}, {"grade_id": "cmp_dwave", "points": -1}])
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
        match draw(st.sampled_from(["keep"] * 6 + ["lose", "break", "edit"])):
            case "lose":
                cell.metadata.pop("nbgrader", None)
            case "break":
                cell.metadata["nbgrader"] = draw(anything)
            case "edit":
                cell.source = f"edited = {number}"
    return notebook


@given(damaged())
def test_after_any_damage_every_check_cell_is_there_once_with_its_points(notebook):
    restore(notebook, TIDE)
    assert points(notebook) == sorted(POINTS.items())


@given(damaged())
def test_after_any_damage_the_students_cells_are_kept_in_their_order(notebook):
    before = [(cell.id, cell.source) for cell in notebook.cells]
    restore(notebook, TIDE)
    kept = {cell_id for cell_id, _ in before}
    # A cell that is known as a locked one has the exercise's text again; all others are as they were.
    locked = {cell.id for cell in notebook.cells if nbgrader_info(cell).get("grade_id") in TIDE.locked}
    after = [(cell.id, cell.source) for cell in notebook.cells if cell.id in kept]
    assert [cell_id for cell_id, _ in after] == [cell_id for cell_id, _ in before]
    assert [cell for cell in after if cell[0] not in locked] == [cell for cell in before if cell[0] not in locked]


@given(damaged())
def test_after_any_damage_locked_cells_have_the_exercises_own_text(notebook):
    restore(notebook, TIDE)
    known = {nbgrader_info(cell).get("grade_id"): cell.source for cell in notebook.cells}
    assert all(source == TIDE.locked[name] for name, source in known.items() if name in TIDE.locked)


@given(damaged())
def test_after_any_damage_the_notebook_satisfies_nbformat_and_nbgrader(notebook):
    restore(notebook, TIDE)
    nbformat.validate(notebook)
    CheckCellMetadata().preprocess(notebook, {})


@given(damaged())
def test_restoring_changes_neither_what_runs_nor_when_a_gradient_is_recorded(notebook):
    """So that `nbgrader autograde`, which restores, and `autograder grade`, which does not, give the same marks."""

    def script():
        return [(cell.source, set(cell.records)) for cell in submission_from_notebook(notebook, TIDE).script]

    before = script()
    restore(notebook, TIDE)
    assert script() == before


@given(damaged())
def test_restoring_twice_changes_nothing_more(notebook):
    restore(notebook, TIDE)
    once = copy.deepcopy(notebook)
    restore(notebook, TIDE)
    assert notebook == once
