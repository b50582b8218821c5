"""`autograder regrade`: old marks against new ones, then the gradebook; the warm grader of all tests marks."""

from __future__ import annotations

import contextlib

import nbformat
import pytest
from click.testing import CliRunner
from nbgrader.api import Gradebook

from autograder.classroom import local
from autograder.cli import main
from autograder.commands.course import CourseFolder
from tests.notebooks import by_id

WRONG = {"drope": 1.0}  # that the gradebook has; the solution earns all


def run(*args):
    return CliRunner().invoke(main, ["regrade", "port", *args])


@pytest.fixture
def course(port, keep, harbour_grader, monkeypatch):
    """Ada is right and was marked so; Ben was marked wrong in a step, and lost a point that a person gave back."""
    monkeypatch.setattr(local, "open_grader", lambda *arguments: contextlib.nullcontext(harbour_grader))
    here = CourseFolder.here()
    for student, wrong in (("ada", {}), ("ben", {"dkeel": 0.0, "drope": 0.5})):
        path = keep(student, wrong)
        with here.gradebook("port") as gradebook:
            gradebook.write(student, port.exercise, path, here.exercises("port")[0][1].kept(student).result)
    with Gradebook(port.db_url) as gradebook:
        gradebook.find_grade("cmp_dkeel", "harbour", "port", "ben").manual_score = 0.75
        gradebook.db.commit()
    return port


def scores(port):
    with Gradebook(port.db_url) as gradebook:
        return {row.student.id: row.score for row in gradebook.assignment_submissions("port")}


def kept(port):
    return {path.name: path.read_text() for path in (port.folder / ".autograder").rglob("*.json")}


def test_a_dry_run_shows_and_writes_nothing(course):
    before, entries = scores(course), kept(course)
    done = run("--dry-run")
    assert done.exit_code == 0, done.output
    assert "drope: 0.5 -> 1" in done.stdout
    assert "dkeel: 0 -> 1" in done.stdout
    assert "1 of 2 marked submissions change: 1 up, 0 down" in done.stdout
    assert "nothing was written" in done.stderr
    assert (scores(course), kept(course)) == (before, entries)


def test_then_it_writes_and_a_persons_marks_stay(course):
    done = run()
    assert done.exit_code == 0, done.output
    assert "1 of 2 marked submissions change" in done.stdout
    assert scores(course) == {"ada": 8.0, "ben": 7.75}
    assert "0 of 2 marked submissions change" in run("--dry-run").stdout


def test_only_some(course):
    assert "0 of 1 marked submissions change" in run("--student", "a*").stdout
    assert scores(course)["ben"] == 7.25
    assert "none of the 2 students who submitted port is called q*" in run("--student", "q*").stderr


def test_an_exercise_that_is_not_as_released_is_refused_before_anything_is_graded(course, monkeypatch):
    path = course.folder / "solutions" / "port" / "harbour.ipynb"
    notebook = nbformat.read(path, as_version=4)
    by_id(notebook)["cmp_dkeel"].metadata["nbgrader"]["points"] = 3
    nbformat.write(notebook, path)
    monkeypatch.setattr(local, "open_grader", None)
    before = scores(course)
    done = run()
    assert done.exit_code == 2
    assert "cmp_dkeel is worth 3 points, in the gradebook it has 1; run: nbgrader" in done.stderr
    assert scores(course) == before
