"""A class is graded with a real grader; what is done is kept, and Ctrl-C loses nothing."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import threading
from dataclasses import replace

import nbformat
import pytest
from rich.console import Console

from autograder.classroom import local
from autograder.classroom.plan import Plan
from autograder.classroom.run import Interrupted, grade_class
from autograder.course.folder import CourseError
from autograder.course.open_grader import Course
from autograder.course.settings import Settings
from autograder.marking.result import Late
from autograder.marking.verdict import CREDIT
from tests.notebooks import harbour

STUDENTS = ["ada", "ben", "cleo", "dee"]


class Gradebook:
    """Remembers what is written."""

    def __init__(self):
        self.written = []
        self.gone = set()

    def check(self, exercise):
        if exercise.name != "harbour":
            raise CourseError("not released")

    def holds(self, student, exercise, submitted, result):
        return student not in self.gone

    def write(self, student, exercise, submitted, result):
        assert submitted.exists()
        self.written.append((student, result.score))

    def finish(self):
        return {"ben": Late(1, 0, 0.5)}, ["dee: no penalty"]

    def students(self):
        return ["zoe", "ben", "ann"]


@pytest.fixture
def course(harbour, harbour_grader, tmp_path, monkeypatch):
    """A course of four students; the warm grader of all tests takes the place of a new one."""
    monkeypatch.setattr(local, "open_grader", lambda *arguments: contextlib.nullcontext(harbour_grader))
    return Course(Settings(tmp_path / "course-secret", CREDIT), b"secret", "process", tmp_path / "kept")


@pytest.fixture
def plan(harbour, tmp_path):
    files = []
    for student in STUDENTS:
        path = tmp_path / "submitted" / student / "harbour.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(harbour_of(student), path)
        files.append((student, path))

    def planned(jobs=2, **more):
        return Plan("port", {harbour.path: files}, jobs, **more)

    return planned


def harbour_of(student):
    return harbour(dkeel="dkeel = -1") if student == "ben" else harbour()


def grade(plan, course, gradebook=None):
    """The results, and what was said."""
    said = io.StringIO()
    done = grade_class(plan, course, Console(file=said), gradebook)
    return done, said.getvalue()


def scores(done):
    return [(result.student, result.score) for result in done.submissions]


ALL = [("ada", 8.0), ("ben", 7.0), ("cleo", 8.0), ("dee", 8.0)]


def test_all_are_graded_in_the_order_of_the_plan(plan, course):
    done, said = grade(plan(), course)
    assert scores(done) == ALL
    assert (done.assignment, done.isolation, said) == ("port", "process", "")


def test_what_is_unchanged_is_not_graded_again(plan, course):
    first, _ = grade(plan(), course)
    nbformat.write(harbour(dkeel="dkeel = -1"), plan().files[next(iter(plan().files))][0][1])
    done, said = grade(plan(), course)
    assert scores(done) == [("ada", 7.0), *ALL[1:]]
    assert said == "harbour: 3 unchanged since they were graded (--force: all)\n"
    assert done.submissions[1] == first.submissions[1]
    assert grade(plan(force=True), course)[1] == ""


def test_it_says_why_what_nobody_has_changed_is_graded_again(plan, course):
    grade(plan(), course)
    nbformat.write(harbour(dkeel="dkeel = -1"), plan().files[next(iter(plan().files))][0][1])
    _, said = grade(plan(), replace(course, secret=b"another"))
    assert said == (
        "harbour: 3 are graded again, for the secret changed since; old marks against new ones: "
        "autograder regrade port --dry-run\n"
    )


def test_it_says_what_differs_from_what_students_were_given(plan, course, harbour, tmp_path):
    released = nbformat.read(harbour.path, 4)
    path = tmp_path / "released" / harbour.path.name
    path.parent.mkdir()
    nbformat.write(released, path)
    assert grade(plan(released=path.parent), course)[1] == ""
    for cell in released.cells:
        if cell.metadata.get("nbgrader", {}).get("points"):
            cell.metadata.nbgrader.points = 7
    nbformat.write(released, path)
    _, said = grade(plan(released=path.parent), course)
    line = said.splitlines()[-1]
    assert line.startswith("harbour: cmp_")
    assert f"in {path} it has 7, and" in line
    assert line.endswith("more; to release it: nbgrader generate_assignment port --force")


class TestGradebook:
    def test_every_result_is_written(self, plan, course):
        gradebook = Gradebook()
        grade(plan(), course, gradebook)
        assert sorted(gradebook.written) == ALL

    def test_who_is_late_or_missing_and_what_failed_are_in_the_result(self, plan, course):
        done, _ = grade(plan(), course, Gradebook())
        assert (done.late, done.unrecorded) == ({"ben": Late(1, 0, 0.5)}, ("dee: no penalty",))
        assert done.absent == ("ann", "zoe")
        assert grade(replace(plan(), pattern="z*"), course, Gradebook())[0].absent == ("zoe",)

    def test_what_was_graded_without_it_is_written_and_not_graded_again(self, plan, course, monkeypatch):
        grade(plan(), course)
        monkeypatch.setattr(local, "open_grader", None)  # would fail
        gradebook = Gradebook()
        assert scores(grade(plan(), course, gradebook)[0]) == ALL
        assert sorted(gradebook.written) == ALL

    def test_a_notebook_that_is_gone_is_written_again(self, plan, course):
        grade(plan(), course, Gradebook())
        gradebook = Gradebook()
        gradebook.gone = {"ben"}
        grade(plan(), course, gradebook)
        assert gradebook.written == [("ben", 7.0)]

    def test_one_that_does_not_know_the_exercise_stops_before_anything_is_graded(self, plan, course, monkeypatch):
        monkeypatch.setattr(local, "open_grader", None)  # would fail
        gradebook = Gradebook()
        gradebook.check = lambda exercise: (_ for _ in ()).throw(CourseError("not released"))
        with pytest.raises(CourseError, match="not released"):
            grade(plan(), course, gradebook)


def test_ctrl_c_finishes_those_in_hand_and_keeps_them(plan, course, harbour_grader, monkeypatch):
    interrupted = threading.Event()

    class InHand:
        """Grades ada at once and the others when the run has been interrupted; two are in hand at a time."""

        def grade_file(self, student, path):
            assert student == "ada" or interrupted.wait(60)
            return harbour_grader.grade_file(student, path)

    class Interrupting(Gradebook):
        def write(self, *arguments):
            super().write(*arguments)
            if not interrupted.is_set():
                os.kill(os.getpid(), signal.SIGINT)
                interrupted.set()

    before = signal.getsignal(signal.SIGINT)
    gradebook = Interrupting()
    with monkeypatch.context() as patch:
        patch.setattr(local, "open_grader", lambda *arguments: contextlib.nullcontext(InHand()))
        with pytest.raises(Interrupted) as stopped:
            grade(plan(jobs=1), course, gradebook)
    assert signal.getsignal(signal.SIGINT) is before
    assert (scores(stopped.value.done), stopped.value.left) == (ALL[:3], 1)
    assert sorted(gradebook.written) == ALL[:3]
    again = Gradebook()
    assert scores(grade(plan(), course, again)[0]) == ALL
    assert again.written == ALL[3:]
