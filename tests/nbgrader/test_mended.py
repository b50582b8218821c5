"""An exercise is released once more after students have submitted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from nbgrader.api import Gradebook
from nbgrader.preprocessors import ComputeChecksums

from autograder.exercise.notebook import exercise_from_notebook
from autograder.nbgrader.direct import DirectGradebook
from autograder.nbgrader.mended import SaveMendedCells
from tests.notebooks import by_id, check, harbour, solution


@pytest.fixture
def graded(port):
    """Ada has full marks."""
    with DirectGradebook(port.config, "port") as direct:
        direct.write("ada", port.exercise, port.hand_in("ada"), port.result())
    return port


def without(*names):
    notebook = harbour()
    for name in names:
        notebook.cells.remove(by_id(notebook)[name])
    return notebook


def generate(port, notebook):
    resources = {"nbgrader": {"assignment": "port", "notebook": "harbour", "db_url": port.db_url}}
    for step in (ComputeChecksums(), SaveMendedCells()):
        notebook, _ = step.preprocess(notebook, resources)
    return exercise_from_notebook(notebook, port.exercise.path)


def marks(port):
    with Gradebook(port.db_url) as gradebook:
        row = gradebook.find_submission_notebook("harbour", "port", "ada")
        return row.score, row.max_score, len(row.grades)


def test_a_step_that_is_gone_takes_its_marks_along(graded):
    exercise = generate(graded, without("dkeel", "cmp_dkeel"))
    assert marks(graded) == (7.0, 7.0, 7)
    with DirectGradebook(graded.config, "port") as direct:
        direct.check(exercise)


def test_a_step_that_is_new_has_no_marks_until_it_is_graded(graded):
    mended = harbour()
    mended.cells += [solution("dsail", "dsail = sail"), check("sail", 2)]
    exercise = generate(graded, mended)
    assert marks(graded) == (8.0, 10.0, 8)
    with DirectGradebook(graded.config, "port") as direct:
        direct.check(exercise)
        path = graded.folder / "submitted" / "ada" / "port" / "harbour.ipynb"
        direct.write("ada", exercise, path, replace(graded, exercise=exercise).result())
    assert marks(graded)[2] == 9


def test_points_may_change_too(graded):
    mended = harbour()
    by_id(mended)["cmp_dkeel"].metadata["nbgrader"]["points"] = 3
    generate(graded, mended)
    assert marks(graded) == (8.0, 10.0, 8)


@pytest.mark.parametrize("given", ["manual_score", "extra_credit"])
def test_marks_that_a_person_gave_are_not_taken_away(graded, given):
    with Gradebook(graded.db_url) as gradebook:
        setattr(gradebook.find_grade("cmp_dkeel", "harbour", "port", "ada"), given, 0.5)
        gradebook.db.commit()
    before = marks(graded)
    with pytest.raises(RuntimeError, match="cmp_dkeel is gone from harbour, but 1 students have marks for it"):
        generate(graded, without("dkeel", "cmp_dkeel"))
    assert marks(graded) == before


def test_without_submissions_it_is_nbgraders(port):
    generate(port, without("dkeel", "cmp_dkeel"))
    with Gradebook(port.db_url) as gradebook:
        assert gradebook.find_notebook("harbour", "port").max_score == 7.0
