"""Submissions are graded side by side on this machine, until the run is stopped."""

from __future__ import annotations

import contextlib
import threading
from types import SimpleNamespace

import pytest

from autograder.classroom import local
from autograder.classroom.local import LocalGraders

HARBOUR, TIDE = SimpleNamespace(name="harbour"), SimpleNamespace(name="tide")
FILES = [(name, f"{name}.ipynb") for name in ("ada", "ben", "cleo", "dee")]


class Grader:
    """Notes who is graded, and how many at a time."""

    def __init__(self, at_once):
        self.met = threading.Barrier(at_once)

    def grade_file(self, student, path):
        self.met.wait(20)
        return f"result of {student}"


@pytest.fixture
def opened(monkeypatch):
    calls = []

    def open_grader(course, exercise, jobs, process):
        calls.append((course, exercise, jobs, process))
        return contextlib.nullcontext(Grader(2))

    monkeypatch.setattr(local, "open_grader", open_grader)
    monkeypatch.setattr(local, "begin", lambda course, exercises, jobs: {})
    return calls


def test_each_is_yielded_with_its_result_and_two_run_side_by_side(opened):
    graders = LocalGraders("course", 2)
    graders.begin({"harbour": 4}, [HARBOUR])
    found = list(graders.grade(HARBOUR, FILES, threading.Event()))
    assert sorted(found) == [(name, path, f"result of {name}") for name, path in FILES]
    assert opened == [("course", HARBOUR, 2, None)]


def test_no_more_lines_than_submissions(opened):
    graders = LocalGraders("course", 8)
    graders.begin({"harbour": 2, "tide": 1}, [HARBOUR, TIDE])
    assert len(list(graders.grade(HARBOUR, FILES[:2], threading.Event()))) == 2
    assert opened[0][2] == 2


def test_none_is_begun_once_the_run_is_stopped(opened):
    stop = threading.Event()
    stop.set()
    graders = LocalGraders("course", 2)
    graders.begin({"harbour": 4}, [HARBOUR])
    assert list(graders.grade(HARBOUR, FILES, stop)) == []


class Process:
    """Notes that it was closed."""

    closed = False

    def close(self):
        self.closed = True


def test_a_sandbox_that_was_begun_goes_to_its_grader_or_is_closed(opened, monkeypatch):
    begun = {"harbour": Process(), "tide": Process()}
    monkeypatch.setattr(local, "begin", lambda course, exercises, jobs: dict(begun))
    graders = LocalGraders("course", 2)
    graders.begin({"harbour": 2, "tide": 1}, [HARBOUR, TIDE])
    list(graders.grade(HARBOUR, FILES[:2], threading.Event()))
    assert opened == [("course", HARBOUR, 2, begun["harbour"])]
    graders.close()
    assert (begun["harbour"].closed, begun["tide"].closed) == (False, True)
