from pathlib import Path

import nbformat
import pytest

from autograder.exercise.notebook import (
    ExerciseError,
    exercise_from_notebook,
    files_of,
    has_tag,
    is_locked,
    nbgrader_info,
    read_exercise,
)
from tests import notebooks
from tests.notebooks import by_id, check, code, locked, solution

HERE = Path("here.ipynb")


def test_steps_are_the_check_cells_in_order_with_their_points_and_solution_cells(tide):
    assert [(s.name, s.tensor, s.label, s.check, s.points, s.solutions) for s in tide.steps] == [
        ("dcrest", "crest", "crest", "cmp_dcrest", 1.0, ("dcrest",)),
        ("dfoam", "foam", "foam", "cmp_dfoam", 2.0, ("dfoam",)),
        ("dwave", "wave", "wave", "cmp_dwave", 3.0, ("dwave_path1", "dwave_path2")),
        ("dtide", "tide", "tide", "cmp_dtide", 4.0, ("dtide",)),
    ]


def test_max_score_is_the_sum_of_all_points(tide):
    assert tide.max_score == 10.0


def test_setup_is_the_locked_code_before_the_forward_cell(tide):
    assert [source.split()[0] for source in tide.setup] == ["import", "size", "tide"]


def test_a_case_sets_its_parameters_right_behind_the_parameters_cell(tide):
    assert tide.setup[: tide.parameters][-1] == "size = 3"


def test_without_a_parameters_cell_a_case_sets_its_parameters_first():
    notebook = notebooks.tide()
    by_id(notebook)["sizes"].metadata["tags"] = []
    assert exercise_from_notebook(notebook, HERE).parameters == 0


def test_autograd_is_no_part_of_setup_even_before_the_forward_cell():
    notebook = notebooks.tide()
    notebook.cells.insert(1, locked("early", "torch.autograd.backward", "autograd"))
    assert exercise_from_notebook(notebook, HERE).setup == exercise_from_notebook(notebooks.tide(), HERE).setup


def test_an_unlocked_cell_is_no_part_of_setup():
    notebook = notebooks.tide()
    notebook.cells.insert(1, code("scratch = 1"))
    assert "scratch = 1" not in exercise_from_notebook(notebook, HERE).setup


def test_locked_cells_are_all_but_the_solution_cells(tide):
    assert set(tide.cells) - set(tide.locked) == {"dcrest", "dwave_path1", "dfoam", "dwave_path2", "dtide"}


def test_a_longer_name_is_not_a_path_of_a_shorter_one():
    notebook = notebooks.tide()
    notebook.cells.append(solution("dfoamy_path1", "dfoamy = 1"))
    foam = exercise_from_notebook(notebook, HERE).steps[1]
    assert foam.solutions == ("dfoam",)


def _no_forward(notebook):
    by_id(notebook)["forward"].metadata["tags"] = []


def _bad_forward(notebook):
    by_id(notebook)["forward"].source = "wave += 1"


def _no_checks(notebook):
    notebook.cells = [cell for cell in notebook.cells if not nbgrader_info(cell).get("grade")]


def _two_ids(notebook):
    notebook.cells.append(check("crest"))


def _no_solution(notebook):
    notebook.cells.append(check("loss"))


def _check_source(source):
    def damage(notebook):
        by_id(notebook)["cmp_dfoam"].source = source

    return damage


def _info(key, value):
    def damage(notebook):
        by_id(notebook)["cmp_dfoam"].metadata["nbgrader"][key] = value

    return damage


def _no_points(notebook):
    del by_id(notebook)["cmp_dfoam"].metadata["nbgrader"]["points"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_no_forward, "no locked code cell has the tag forward"),
        (_bad_forward, "line 1 of the forward cell"),
        (_no_checks, "no check cell"),
        (_two_ids, "two cells have the grade_id cmp_dcrest"),
        (_no_solution, "cmp_dloss marks dloss, but no solution cell has that grade_id"),
        (_check_source("cmp('foam', dfoam, foam, 1)"), "check cell cmp_dfoam is not of the form"),
        (_check_source("cmp('foam', dfoam, foam); 1"), "check cell cmp_dfoam is not of the form"),
        (_check_source("cmp('foam', dfoam + 0, foam)"), "check cell cmp_dfoam is not of the form"),
        (_check_source("compare('foam', dfoam, foam)"), "check cell cmp_dfoam is not of the form"),
        (_check_source("cmp('foam', dfoam,"), "check cell cmp_dfoam is not of the form"),
        (_info("grade_id", 5), "the grade_id 5; it must be text"),
        (_info("grade_id", ["x"]), "it must be text"),
        (_no_points, "check cell cmp_dfoam has the points None"),
        (_info("points", "many"), "check cell cmp_dfoam has the points 'many'"),
        (_info("points", -1), "check cell cmp_dfoam has the points -1"),
        (_info("points", float("nan")), "check cell cmp_dfoam has the points nan"),
    ],
)
def test_a_notebook_that_is_no_exercise_is_refused_with_the_cell_to_change(damage, message):
    notebook = notebooks.tide()
    damage(notebook)
    with pytest.raises(ExerciseError, match=f"^here.ipynb: .*{message}"):
        exercise_from_notebook(notebook, HERE)


def test_an_exercise_is_read_from_its_file(tmp_path, tide):
    nbformat.write(notebooks.tide(), tmp_path / "tide.ipynb")
    read = read_exercise(tmp_path / "tide.ipynb")
    assert (read.name, read.steps) == ("tide", tide.steps)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\xfe", b'{"nbformat": 4, "cells": 3}', b"# a script"])
def test_a_file_that_is_no_notebook_is_refused(tmp_path, content):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    with pytest.raises(ExerciseError, match="is not a notebook"):
        read_exercise(path)


def test_a_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_exercise(tmp_path / "none.ipynb")


@pytest.mark.parametrize("info", ["x", 5, None, ["grade_id"]])
def test_nbgrader_metadata_that_is_no_mapping_counts_as_none(info):
    assert nbgrader_info(code("1", nbgrader=info)) == {}


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"grade": True, "solution": False, "locked": True}, True),
        ({"grade": True, "solution": False, "locked": False}, True),
        ({"grade": False, "solution": False, "locked": True}, True),
        ({"grade": False, "solution": True, "locked": False}, False),
        ({"grade": True, "solution": True, "locked": False}, False),
        ({}, False),
    ],
)
def test_locked_is_what_nbgrader_restores(info, expected):
    assert is_locked(code("1", nbgrader=info)) is expected


@pytest.mark.parametrize(
    ("tags", "expected"), [(["forward"], True), (["forwards"], False), ("forward", False), (None, False)]
)
def test_tags_are_a_list_of_words(tags, expected):
    cell = code("1")
    cell.metadata["tags"] = tags
    assert has_tag(cell, "forward") is expected


def test_exercise_1_has_the_26_gradients_in_backward_order(exercise):
    assert " ".join(step.name for step in exercise.steps) == (
        "dlogprobs dprobs dcounts_sum_inv dcounts_sum dcounts dnorm_logits dlogit_maxes dlogits dh dW2 db2 dhpreact "
        "dbngain dbnraw dbnbias dbnvar_inv dbnvar dbndiff2 dbndiff dbnmeani dhprebn dembcat dW1 db1 demb dC"
    )


def test_exercise_1_accumulates_four_gradients_in_two_paths(exercise):
    several = {step.name: step.solutions for step in exercise.steps if len(step.solutions) > 1}
    assert several == {
        name: (f"{name}_path1", f"{name}_path2") for name in ("dcounts", "dlogits", "dbndiff", "dhprebn")
    }


def test_its_files_are_all_below_its_folder_but_hidden_ones_and_answers(tmp_path):
    names = ["b/a.py", "b.txt", "a.ipynb", "b/answers/kept.py", "dojo/deep/x.py"]
    left_out = ["answers/x.py", ".hidden", ".checkpoints/x.ipynb", "dojo/__pycache__/x.pyc", "dojo/.x"]
    for name in (*names, *left_out):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "link").symlink_to(tmp_path / "dojo")
    (tmp_path / "linked.txt").symlink_to(tmp_path / "b.txt")
    assert files_of(tmp_path) == sorted(tmp_path / name for name in (*names, "linked.txt"))
    assert files_of(tmp_path / "nowhere") == []
