"""Submissions are graded side by side on this machine, until the run is stopped."""

from __future__ import annotations

import contextlib
import threading

import pytest

from autograder.classroom import local
from autograder.classroom.local import LocalGraders

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

    def open_grader(course, exercise, jobs, shared):
        calls.append((course, exercise, jobs, shared))
        return contextlib.nullcontext(Grader(2))

    monkeypatch.setattr(local, "open_grader", open_grader)
    monkeypatch.setattr(local, "begin_program", lambda course, exercises, jobs: None)
    return calls


def test_each_is_yielded_with_its_result_and_two_run_side_by_side(opened):
    graders = LocalGraders("course", 2)
    graders.begin({"harbour": 4}, ["harbour"])
    found = list(graders.grade("harbour", FILES, threading.Event()))
    assert sorted(found) == [(name, path, f"result of {name}") for name, path in FILES]
    assert opened == [("course", "harbour", 2, None)]


def test_no_more_lines_than_submissions(opened):
    graders = LocalGraders("course", 8)
    graders.begin({"harbour": 2, "tide": 1}, ["harbour", "tide"])
    assert len(list(graders.grade("harbour", FILES[:2], threading.Event()))) == 2
    assert opened[0][2] == 2


def test_none_is_begun_once_the_run_is_stopped(opened):
    stop = threading.Event()
    stop.set()
    graders = LocalGraders("course", 2)
    graders.begin({"harbour": 4}, ["harbour"])
    assert list(graders.grade("harbour", FILES, stop)) == []
