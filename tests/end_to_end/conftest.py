"""One course, gone through once; every stage is read off at its end, so that tests need no order."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from demo.__main__ import CLOCK, hand_in_late
from demo.commands import ASSIGNMENT, CommandError, Course, new_course
from demo.sample_class import Student, solved

from .classroom import (
    ABSENT,
    COURSE_ID,
    EMPTY,
    EXERCISE,
    HANDED_IN,
    LATE,
    SAMPLE,
    THROUGH_EXCHANGE,
    Round,
    gradebook_url,
    look,
    read_marks,
)


@dataclass(frozen=True)
class Term:
    """The course, what its commands printed, by a word of ours for each, and whose notebooks were collected."""

    course: Course
    said: dict[str, str]
    collected: set[str]


@pytest.fixture(scope="session")
def term(tmp_path_factory: pytest.TempPathFactory) -> Term:
    """The assignment is released; four students have submitted, one of them late; two more came by another way."""
    course = new_course(tmp_path_factory.mktemp("course") / "course", EXERCISE)
    said = {"generate": course.instructor("nbgrader", "generate_assignment", ASSIGNMENT)}
    due = time.strftime(CLOCK, time.gmtime(time.time() + 3600))
    course.instructor("nbgrader", "db", "assignment", "add", ASSIGNMENT, f"--duedate={due}")
    said["release"] = course.instructor("nbgrader", "release_assignment", ASSIGNMENT)
    with ThreadPoolExecutor(2) as pool:
        # The longest first: these two do one command more than the others.
        listed = pool.submit(course.student, "ada", "nbgrader", "list")
        refused = pool.submit(submit_renamed, course, "ben")
        said |= {"list": listed.result(), "renamed": refused.result()}
        list(pool.map(lambda name: attend(course, name), THROUGH_EXCHANGE))
    hand_in_late(course, Student(LATE, "", solved, late=True))
    said["collect"] = course.instructor("nbgrader", "collect", ASSIGNMENT)
    submitted = course.folder / "submitted"
    collected = {path.parent.parent.name for path in submitted.glob(f"*/*/{EXERCISE}.ipynb")}
    for name in HANDED_IN.keys() - THROUGH_EXCHANGE:
        shutil.copytree(course.folder / "assignments" / ASSIGNMENT, submitted / name / ASSIGNMENT)
        work(course, submitted / name / ASSIGNMENT / f"{EXERCISE}.ipynb", HANDED_IN[name])
    with Gradebook(gradebook_url(course), COURSE_ID) as gradebook:
        gradebook.add_student(ABSENT)
    (submitted / EMPTY / ASSIGNMENT).mkdir(parents=True)
    return Term(course, said, collected)


def attend(course: Course, name: str) -> None:
    """A student fetches the assignment if need be, works on it and submits it."""
    path = course.home(name) / ASSIGNMENT / f"{EXERCISE}.ipynb"
    if not path.exists():
        course.student(name, "nbgrader", "fetch_assignment", ASSIGNMENT)
    work(course, path, HANDED_IN[name])
    course.student(name, "nbgrader", "submit", ASSIGNMENT)


def work(course: Course, path: Path, how) -> None:
    """Change the notebook at `path` as the student does."""
    solution = nbformat.read(course.folder / "solutions" / ASSIGNMENT / path.name, as_version=4)
    nbformat.write(how(nbformat.read(path, as_version=4), solution), path)


def submit_renamed(course: Course, name: str) -> str:
    """What `nbgrader submit` says to a student whose notebook has another name."""
    course.student(name, "nbgrader", "fetch_assignment", ASSIGNMENT)
    path = course.home(name) / ASSIGNMENT / f"{EXERCISE}.ipynb"
    path.rename(path.with_name("mine.ipynb"))
    with pytest.raises(CommandError) as refusal:
        course.student(name, "nbgrader", "submit", ASSIGNMENT)
    path.with_name("mine.ipynb").rename(path)
    return str(refusal.value)


@dataclass(frozen=True)
class Graded:
    """The first round: `marks` are those of `autograder grade`; `again` is the second autograde without --force."""

    course: Course
    said: dict[str, str]
    marks: dict
    round: Round
    again: Round


@pytest.fixture(scope="session")
def graded(term: Term) -> Graded:
    """Graded both ways, at the same time; feedback is out and fetched by three; grades are exported."""
    course, said = term.course, dict(term.said)
    with ThreadPoolExecutor(2) as pool:
        grade = ("autograder", "grade", "submitted", "--assignment", ASSIGNMENT, "--json", "marks.json")
        engine = pool.submit(course.instructor, *grade)
        said["autograde"] = course.instructor("nbgrader", "autograde", ASSIGNMENT)
        said["grade"] = engine.result()
    said["export"] = course.instructor("nbgrader", "export")
    first = look(course)
    said["autograde again"] = course.instructor("nbgrader", "autograde", ASSIGNMENT)
    again = look(course)
    said["generate_feedback"] = course.instructor("nbgrader", "generate_feedback", ASSIGNMENT)
    said["release_feedback"] = course.instructor("nbgrader", "release_feedback", ASSIGNMENT)
    with ThreadPoolExecutor(2) as pool:
        fetch = ("nbgrader", "fetch_feedback", ASSIGNMENT)
        list(pool.map(lambda name: course.student(name, *fetch), ("ada", "ben", "eve")))
    return Graded(course, said, read_marks(course), first, again)


@pytest.fixture(scope="session")
def regraded(graded: Graded) -> Round:
    """A person has overruled one of ada's marks; all are graded again, now with a penalty for being late."""
    course = graded.course
    with Gradebook(gradebook_url(course), COURSE_ID) as gradebook:
        gradebook.find_grade("cmp_dC", EXERCISE, ASSIGNMENT, "ada").manual_score = 0.5
        gradebook.find_comment("dC", EXERCISE, ASSIGNMENT, "ada").manual_comment = "Right, but see index_add_."
        gradebook.db.commit()
    zero = "--LateSubmissionPlugin.penalty_method=zero"
    course.instructor("nbgrader", "autograde", ASSIGNMENT, "--force", zero)
    with ThreadPoolExecutor(2) as pool:
        done = [
            pool.submit(course.instructor, "nbgrader", "export"),
            pool.submit(course.instructor, "nbgrader", "generate_feedback", ASSIGNMENT, "--force", "--student=*a"),
        ]
    for future in done:
        future.result()
    return look(course)


@dataclass(frozen=True)
class Resubmitted:
    """ben's second submission is in; two more that nbgrader cannot use lie in submitted/."""

    before: Round
    after: Round
    said: str


@pytest.fixture(scope="session")
def resubmitted(graded: Graded, regraded: Round) -> Resubmitted:
    """Collected with --update and autograded without --force."""
    course = graded.course
    work(course, course.home("ben") / ASSIGNMENT / f"{EXERCISE}.ipynb", SAMPLE["ada"].work)
    course.student("ben", "nbgrader", "submit", ASSIGNMENT)
    course.instructor("nbgrader", "collect", ASSIGNMENT, "--update")
    submitted = course.folder / "submitted"
    for name, file, text in (("nora", "renamed.ipynb", None), ("ugo", f"{EXERCISE}.ipynb", '{"cells": [')):
        path = submitted / name / ASSIGNMENT / file
        path.parent.mkdir(parents=True)
        if text is None:
            shutil.copy(submitted / "ada" / ASSIGNMENT / f"{EXERCISE}.ipynb", path)
        else:
            path.write_text(text)
    said = course.instructor("nbgrader", "autograde", ASSIGNMENT)
    return Resubmitted(regraded, look(course), said)


@pytest.fixture(scope="session")
def broken(graded: Graded, resubmitted: Resubmitted) -> Round:
    """ben is graded again while the exercise cannot be read: its forward cell has lost its tag."""
    course = graded.course
    shutil.copytree(course.folder / "solutions", course.folder / "broken")
    path = course.folder / "broken" / ASSIGNMENT / f"{EXERCISE}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)
    nbformat.write(notebook, path)
    command = ("nbgrader", "autograde", ASSIGNMENT, "--force", "--student=ben")
    with pytest.raises(CommandError, match="ben"):
        course.instructor(*command, "--CourseDirectory.source_directory=broken")
    return look(course)
