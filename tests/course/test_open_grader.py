"""A course's settings, secret and isolation become a grader, and nothing is left of one that cannot be."""

from __future__ import annotations

from dataclasses import replace

import nbformat
import psutil
import pytest

from autograder.course.folder import KEPT
from autograder.course.open_grader import open_course, open_grader
from autograder.course.secret import SecretError
from autograder.course.settings import Settings
from autograder.exercise.notebook import ExerciseError, read_exercise
from autograder.marking.verdict import CREDIT
from autograder.sandbox.host.bubblewrap import IsolationError
from autograder.sandbox.limits import Limits
from tests import notebooks
from tests.notebooks import by_id


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path / "course-secret", CREDIT, "process")


def processes() -> set[int]:
    return {child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE}


class TestCourse:
    def test_the_secret_is_made_on_first_use_and_said(self, settings, tmp_path):
        course = open_course(settings, tmp_path)
        assert course.warnings == (f"{settings.secret} is new: hidden cases are drawn from it; back it up",)
        assert course.secret == settings.secret.read_bytes().strip()
        again = open_course(settings, tmp_path)
        assert (again.secret, again.warnings) == (course.secret, ())

    def test_it_is_as_the_settings_say(self, settings, tmp_path):
        course = open_course(settings, tmp_path)
        assert (course.settings, course.isolation, course.kept) == (settings, "process", tmp_path / KEPT)

    def test_the_command_lines_isolation_wins(self, settings, tmp_path):
        course = open_course(replace(settings, isolation="bubblewrap"), tmp_path, "process")
        assert course.isolation == "process"

    def test_what_cannot_be_is_refused(self, settings, tmp_path, monkeypatch):
        monkeypatch.setattr("autograder.sandbox.host.bubblewrap.why_not", lambda: "no namespaces here")
        with pytest.raises(IsolationError, match="no namespaces here"):
            open_course(settings, tmp_path, "bubblewrap")
        assert "no namespaces here" in open_course(settings, tmp_path, "auto").warnings[0]
        settings.secret.write_text("short")
        with pytest.raises(SecretError):
            open_course(settings, tmp_path)


class TestGrader:
    def test_it_grades_by_the_courses_credit_and_limits_and_leaves_nothing(self, harbour, settings, tmp_path):
        own = replace(settings, credit={**CREDIT, "path-missing": 0.25}, limits=Limits(cell_seconds=0.5))
        course = open_course(own, tmp_path)
        path = tmp_path / "harbour.ipynb"
        nbformat.write(notebooks.harbour(dswell_path2="", dkeel="while True: pass"), path)
        before = processes()
        with open_grader(course, harbour) as grader:
            result = grader.grade_file("ada", path)
            assert len(processes() - before) == 1
        assert {step.name: (step.verdict.value, step.points) for step in result.lost} == {
            "dswell": ("path-missing", 0.25),
            "dkeel": ("timeout", 0.0),
        }
        assert result.lost[-1].error.startswith("stopped after 0.5 s")
        assert processes() == before
        assert list((course.kept / "cases").glob("*.safetensors"))

    def test_an_exercise_that_cannot_be_graded_leaves_no_process(self, settings, tmp_path):
        notebook = notebooks.harbour()
        by_id(notebook)["forward"].source = "mast = nonsense\nloss = mast.sum()"
        nbformat.write(notebook, tmp_path / "harbour.ipynb")
        before = processes()
        with pytest.raises(ExerciseError, match="the forward cell failed"):
            open_grader(open_course(settings, tmp_path), read_exercise(tmp_path / "harbour.ipynb"))
        assert processes() == before
