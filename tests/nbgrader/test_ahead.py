"""The next submission is graded ahead, and only what its files still are when it is asked for counts."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from autograder.course.cache import Key
from autograder.marking.result import SubmissionResult
from autograder.nbgrader.ahead import Ahead, Job

ADA, BEN = Path("submitted/ada/port/harbour.ipynb"), Path("submitted/ben/port/harbour.ipynb")
KEY = Key("1", "2", "3", "4", "5")


@dataclass
class Grading:
    """A grader that says in which thread it has graded whom. faults: so many of its first results are no marks."""

    faults: int = 0
    graded: list[tuple[str, bool]] = field(default_factory=list)

    def grade_file(self, student: str, path: Path) -> SubmissionResult:
        self.graded.append((student, threading.current_thread() is threading.main_thread()))
        fault = len(self.graded) <= self.faults
        return SubmissionResult(student, path.stem, "graded", 8.0, 8.0, 0.0, fault=fault)


@pytest.fixture
def grading():
    return Grading()


def test_what_was_begun_is_not_graded_again(grading):
    ahead, job = Ahead(), Job(grading, "ben", BEN, KEY)
    ahead.begin(job)
    assert ahead.result(job).student == "ben"
    assert grading.graded == [("ben", False)]


@pytest.mark.parametrize(
    "begun",
    [Job(None, "ben", BEN, replace(KEY, submission="0")), Job(None, "ada", ADA, KEY), Job(Grading(), "ben", BEN, KEY)],
    ids=["its file was changed", "somebody else", "its exercise was changed"],
)
def test_what_is_another_by_now_is_graded_as_it_is(grading, begun):
    ahead = Ahead()
    ahead.begin(replace(begun, grader=begun.grader or grading))
    assert ahead.result(Job(grading, "ben", BEN, KEY)).student == "ben"
    assert ("ben", True) in grading.graded


def test_what_has_no_key_is_graded_as_it_is(grading):
    """Without a key it is not known whether the file has changed."""
    ahead, job = Ahead(), Job(grading, "ben", BEN, None)
    ahead.begin(job)
    ahead.result(job)
    assert ("ben", True) in grading.graded


def test_a_fault_of_ours_has_a_second_chance():
    grading, ahead = Grading(faults=1), Ahead()
    job = Job(grading, "ben", BEN, KEY)
    ahead.begin(job)
    assert not ahead.result(job).fault
    assert grading.graded == [("ben", False), ("ben", True)]


def test_a_result_is_given_once(grading):
    ahead, job = Ahead(), Job(grading, "ben", BEN, KEY)
    ahead.begin(job)
    ahead.result(job)
    ahead.result(job)
    assert grading.graded == [("ben", False), ("ben", True)]


def test_it_knows_who_comes_next():
    ahead = Ahead()
    ahead.plan([ADA, BEN])
    assert (ahead.after(ADA), ahead.after(BEN), ahead.after(Path("other"))) == (BEN, None, None)
    ahead.plan(())
    assert ahead.after(ADA) is None
