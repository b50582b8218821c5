"""What is there already is not graded; a fault of ours leaves the old mark; a full disk stops the run."""

from __future__ import annotations

import errno
import io
import threading
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from rich.console import Console

from autograder.classroom.one_exercise import ExerciseRun
from autograder.classroom.plan import Plan
from autograder.course.open_grader import Course
from autograder.course.settings import Settings
from autograder.marking.result import SubmissionResult
from autograder.marking.verdict import CREDIT
from tests.notebooks import harbour as harbour_notebook

STUDENTS = ("ada", "ben", "\udcff")


class Graders:
    """Gives everybody eight points, and notes whom it was asked for."""

    def __init__(self, **changes):
        self.asked = []
        self.changes = changes

    def grade(self, exercise, files, stop):
        for student, path in files:
            self.asked.append(student)
            result = SubmissionResult(student, exercise.name, "graded", 8.0, 8.0, 0.1)
            yield student, path, replace(result, **self.changes.get(student, {}))


class Gradebook:
    def __init__(self, error=None):
        self.written = []
        self.error = error

    def check(self, exercise):
        pass

    def holds(self, student, exercise, submitted, result):
        return True

    def write(self, student, exercise, submitted, result):
        if self.error is not None and student == "ada":
            raise self.error
        self.written.append(student)


@pytest.fixture
def graded(harbour, tmp_path):
    course = Course(Settings(tmp_path / "course-secret", CREDIT), b"secret", "process", tmp_path / "kept")
    files = []
    for student in STUDENTS:
        path = tmp_path / "submitted" / str(len(files)) / "harbour.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(harbour_notebook(), path)
        files.append((student, path))

    def run(graders, gradebook=None):
        said = Console(file=io.StringIO())
        one = ExerciseRun(Plan("port", {harbour.path: files}, 1), harbour, files, course, gradebook)
        try:
            one.look(said)
            return one.grade(said, threading.Event(), graders), one.unrecorded
        finally:
            one.close()

    return run


def test_a_folder_that_can_be_no_students_is_refused_and_the_rest_is_graded_once(graded):
    graders = Graders()
    results, _ = graded(graders)
    assert [(r.student, r.status) for r in results] == [
        ("ada", "graded"),
        ("ben", "graded"),
        ("\N{REPLACEMENT CHARACTER}", "unreadable"),
    ]
    again = Graders()
    assert [r.student for r in graded(again)[0]] == ["ada", "ben", "\N{REPLACEMENT CHARACTER}"]
    assert (graders.asked, again.asked) == (["ada", "ben"], [])


def test_a_fault_of_ours_is_no_mark_and_is_graded_again(graded):
    gradebook = Gradebook()
    _, unrecorded = graded(Graders(ada={"fault": True, "status": "crashed", "error": "its worker died"}), gradebook)
    assert unrecorded == ["ada/harbour has no new mark: its worker died"]
    assert gradebook.written == ["ben"]
    again = Graders()
    graded(again, gradebook)
    assert (again.asked, gradebook.written) == (["ada"], ["ben", "ada"])


def test_what_one_file_meets_leaves_it_out_and_what_all_would_meet_stops_the_run(graded):
    one = OSError(errno.EACCES, "Permission denied", "ada")
    _, unrecorded = graded(Graders(), Gradebook(one))
    assert unrecorded == ["ada/harbour has no new mark: Permission denied: ada; mend that and run again"]
    with pytest.raises(OSError, match="No space"):
        graded(Graders(), Gradebook(OSError(errno.ENOSPC, "No space left", str(Path("gradebook.db")))))
