"""Autograded notebooks and gradebook rows without nbgrader autograde; end_to_end/ compares them with its own."""

from __future__ import annotations

import copy
import json
import stat
from datetime import datetime

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import determine_grade

from autograder.course.folder import CourseError, UnrecordedError
from autograder.exercise.notebook import exercise_from_notebook
from autograder.marking.result import SubmissionResult
from autograder.nbgrader.direct import DirectGradebook
from autograder.nbgrader.mark import INDEX
from autograder.sandbox.host.received import RanCell
from tests.notebooks import by_id, code, harbour

IN_TIME, LATE = "2024-05-01 10:00:00 UTC", "2024-05-03 10:00:00 UTC"


@pytest.fixture
def write(port):
    """Write a result of a submission; the autograded notebook."""

    def written(path, result, config=None, student="ada"):
        with DirectGradebook(port.config if config is None else config, "port") as direct:
            direct.write(student, port.exercise, path, result)
            direct.finish()
        return nbformat.read(port.folder / "autograded" / student / "port" / "harbour.ipynb", as_version=4)

    return written


def row(port, student="ada"):
    with Gradebook(port.db_url) as gradebook:
        notebook = gradebook.find_submission_notebook("harbour", "port", student)
        return notebook.score, notebook.late_submission_penalty


def test_check_cells_have_their_scores_and_the_gradebook_too(port, write):
    notebook = write(port.hand_in("ada", timestamp=IN_TIME), port.result({"dkeel": 0.25}))
    nbformat.validate(notebook)
    found = {name: determine_grade(cell)[0] for name, cell in by_id(notebook).items() if name.startswith("cmp_")}
    assert found.pop("cmp_dkeel") == 0.25
    assert set(found.values()) == {1.0}
    assert row(port) == (7.25, None)


def test_the_file_is_read_only_and_its_folder_has_the_other_files(port, write):
    path = port.hand_in("ada")
    (path.parent / "notes.txt").write_text("my own")
    (path.parent / "chart.txt").write_text("mine, and in the way")
    (path.parent / "secret").symlink_to("/etc/hostname")
    write(path, port.result())
    folder = port.folder / "autograded" / "ada" / "port"
    assert {file.name for file in folder.iterdir()} == {"harbour.ipynb", "notes.txt", "chart.txt"}
    assert (folder / "chart.txt").read_text() == "here be dragons"
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o444}
    write(path, port.result())  # and again, over files that are read-only


def test_what_cells_printed_is_at_their_new_indices(port, write):
    """Restoring puts a lost check cell back, which moves all cells behind it."""
    submitted = copy.deepcopy(port.released)
    submitted.cells.remove(by_id(submitted)["cmp_dpart"])
    submitted.cells.append(code("print('my own')"))
    last = len(submitted.cells) - 1
    cells = {last: RanCell("my own\n", None, False), 0: RanCell("", "NameError: x", False)}
    notebook = write(port.hand_in("ada", submitted), port.result(cells=cells))
    assert notebook.cells[-1].outputs[0].text == "my own\n"
    assert "cmp_dpart" in by_id(notebook)
    assert INDEX not in json.dumps(notebook)


def test_without_steps_it_is_a_page_of_check_cells_that_say_why(port, write):
    path = port.hand_in("ada")
    path.write_text('{"cells": [')
    result = SubmissionResult("ada", "harbour", "unreadable", 0.0, 8.0, 0.0, error="it is no notebook")
    notebook = write(path, result)
    assert by_id(notebook).keys() == {step.check for step in port.exercise.steps}
    assert all(cell.outputs[0].text == "not marked: it is no notebook\n" for cell in notebook.cells)
    assert row(port) == (0.0, None)


@pytest.mark.parametrize(("method", "penalty"), [("none", None), ("zero", 8.0)])
def test_a_late_one_is_penalised_as_the_course_says(port, write, method, penalty):
    config = port.config
    config.LateSubmissionPlugin.penalty_method = method
    write(port.hand_in("ada", timestamp=LATE), port.result(), config)
    assert row(port) == (8.0, penalty)


def test_it_tells_what_it_holds(port):
    """A gradebook made anew, a student removed, another mark: what was kept must be written again."""
    path, result = port.hand_in("ada"), port.result()
    with DirectGradebook(port.config, "port") as direct:
        assert not direct.holds("ada", port.exercise, path, result)
        direct.write("ada", port.exercise, path, result)
        assert direct.holds("ada", port.exercise, path, result)
        assert not direct.holds("ben", port.exercise, path, result)
        assert not direct.holds("ada", port.exercise, path, port.result({"dkeel": 0.25}))
        with Gradebook(port.db_url) as gradebook:
            gradebook.remove_submission("port", "ada")
        assert not direct.holds("ada", port.exercise, path, result)


def test_a_penalty_follows_the_due_date(port):
    config = port.config
    config.LateSubmissionPlugin.penalty_method = "zero"
    path, result = port.hand_in("ada", timestamp=LATE), port.result()
    with DirectGradebook(config, "port") as direct:
        direct.write("ada", port.exercise, path, result)
        late, failed = direct.finish()
        assert ({student: each.penalty for student, each in late.items()}, failed) == ({"ada": 8.0}, [])
        assert row(port) == (8.0, 8.0)
        with Gradebook(port.db_url) as gradebook:
            gradebook.update_or_create_assignment("port", duedate=datetime(2025, 1, 1))
        assert direct.holds("ada", port.exercise, path, result)
        assert direct.finish() == ({}, [])
        assert row(port) == (8.0, None)


def test_points_that_differ_from_the_gradebooks_are_refused_with_the_command(port):
    changed = harbour()
    by_id(changed)["cmp_dkeel"].metadata["nbgrader"]["points"] = 3
    says = "cmp_dkeel is worth 3 points, in the gradebook it has 1; run: nbgrader"
    with DirectGradebook(port.config, "port") as direct, pytest.raises(CourseError, match=says):
        direct.check(exercise_from_notebook(changed, port.exercise.path))


def test_nobody_is_added_where_the_course_says_so(port):
    config = port.config
    config.Autograde.create_student = False
    says = "adda is not in the gradebook"
    with DirectGradebook(config, "port") as direct, pytest.raises(UnrecordedError, match=says):
        direct.write("adda", port.exercise, port.hand_in("adda"), port.result())


def test_an_exercise_that_was_not_released_is_refused_at_once(port):
    other = exercise_from_notebook(harbour(), port.folder / "pier.ipynb")
    with DirectGradebook(port.config, "port") as direct:
        direct.check(port.exercise)
        with pytest.raises(CourseError, match="run: nbgrader generate_assignment port"):
            direct.check(other)
