"""All exercises of the assignment through the whole cycle, for one student whose update goes uphill."""

from __future__ import annotations

import csv
import json
from typing import Any

import nbformat
import pytest

from autograder.exercise.notebook import read_exercise
from demo.commands import ASSIGNMENT, ROOT, Course, new_course
from demo.sample_class import UPHILL, with_cells

EXERCISES = {path.stem: read_exercise(path) for path in sorted((ROOT / "solutions" / ASSIGNMENT).glob("*.ipynb"))}
STUDENT, WRONG, LOST = "dina", "4_training", 3.0


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Course:
    course = new_course(tmp_path_factory.mktemp("all") / "course")
    course.instructor("nbgrader", "generate_assignment", ASSIGNMENT)
    course.instructor("nbgrader", "release_assignment", ASSIGNMENT)
    course.student(STUDENT, "nbgrader", "fetch_assignment", ASSIGNMENT)
    for name, exercise in EXERCISES.items():
        path = course.home(STUDENT) / ASSIGNMENT / f"{name}.ipynb"
        work = with_cells({"update": UPHILL})
        nbformat.write(work(nbformat.read(path, as_version=4), nbformat.read(exercise.path, as_version=4)), path)
    course.student(STUDENT, "nbgrader", "submit", ASSIGNMENT)
    course.instructor("nbgrader", "collect", ASSIGNMENT)
    course.instructor("autograder", "grade", "submitted", "--assignment", ASSIGNMENT, "--json", "marks.json")
    course.instructor("nbgrader", "autograde", ASSIGNMENT)
    course.instructor("nbgrader", "generate_feedback", ASSIGNMENT)
    course.instructor("nbgrader", "release_feedback", ASSIGNMENT)
    course.student(STUDENT, "nbgrader", "fetch_feedback", ASSIGNMENT)
    course.instructor("nbgrader", "export")
    return course


@pytest.fixture(scope="module")
def marks(course: Course) -> dict[str, Any]:
    """What `autograder grade` says, by exercise."""
    submissions = json.loads((course.folder / "marks.json").read_text())["submissions"]
    return {submission["exercise"]: submission for submission in submissions}


def test_every_exercise_is_graded(marks: dict[str, Any]) -> None:
    assert {name: mark["status"] for name, mark in marks.items()} == dict.fromkeys(EXERCISES, "graded")


def test_the_wrong_update_costs_its_own_points_only(marks: dict[str, Any]) -> None:
    lost = {name: mark["max_score"] - mark["score"] for name, mark in marks.items()}
    assert lost == dict.fromkeys(EXERCISES, 0.0) | {WRONG: LOST}
    assert [step["verdict"] for step in marks[WRONG]["steps"] if step["points"] < step["max_points"]] == ["wrong"]


def test_the_gradebook_has_the_same_score(course: Course, marks: dict[str, Any]) -> None:
    (row,) = csv.DictReader((course.folder / "grades.csv").read_text().splitlines())
    assert float(row["score"]) == sum(mark["score"] for mark in marks.values())
    assert float(row["max_score"]) == sum(exercise.max_score for exercise in EXERCISES.values())


def test_the_student_has_a_page_for_each(course: Course) -> None:
    pages = {page.stem: page.read_text() for page in (course.home(STUDENT) / ASSIGNMENT / "feedback").glob("*/*.html")}
    assert pages.keys() == EXERCISES.keys()
    assert "verdict: wrong, 0 of 3" in pages[WRONG]


def test_a_released_folder_holds_all_notebooks(course: Course) -> None:
    released = {path.stem for path in (course.exchange / "backprop-dojo" / "outbound" / ASSIGNMENT).glob("*.ipynb")}
    assert released == EXERCISES.keys()
