"""A step with a bonus through the whole course: it is earned beyond the maximum, and never lost."""

from __future__ import annotations

import csv
import json
from typing import Any

import pytest

from demo.commands import Course
from tests.notebooks import HARBOUR_ANSWERS, by_id, harbour

from .classroom import page_text
from .harbour_course import ASSIGNMENT, EXERCISE, hand_in, new_harbour_course, rows, twin

GRADE = ("autograder", "grade", "submitted", "--assignment", ASSIGNMENT, "--gradebook")
# Right but for keel, whose bonus ben does not get, and rope.
BEN = HARBOUR_ANSWERS | {"dkeel": "dkeel = -(sail.T @ dmast)", "drope": "drope = dmast.sum(0) * 2"}


@pytest.fixture(scope="module")
def courses(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Course]:
    """The same submissions, graded by each entry; the gradient of keel is a bonus of 2 beside seven points."""
    notebook: Any = harbour()
    check = by_id(notebook)["cmp_dkeel"]
    check.source, check.metadata["nbgrader"]["points"] = "cmp('keel', dkeel, keel, bonus=2)", 0
    ours = new_harbour_course(tmp_path_factory.mktemp("ours"), notebook)
    hand_in(ours, "ada", HARBOUR_ANSWERS)
    hand_in(ours, "ben", BEN)
    theirs = twin(ours, tmp_path_factory.mktemp("theirs"))
    ours.instructor(*GRADE, "--json", "marks.json")
    theirs.instructor("nbgrader", "autograde", ASSIGNMENT)
    return {"ours": ours, "theirs": theirs}


@pytest.mark.parametrize("entry", ["ours", "theirs"])
def test_the_gradebook_has_it_beyond_the_maximum(courses: dict[str, Course], entry: str) -> None:
    found = rows(courses[entry])
    assert {student: row["score"] for student, row in found.items()} == {"ada": 9.0, "ben": 6.0}
    auto, manual, extra, needs, score, most, failed = found["ada"]["grades"]["cmp_dkeel"]
    assert (auto, manual, extra, needs, score, most, failed) == (2.0, None, None, False, 2.0, 0.0, False)
    assert found["ben"]["grades"]["cmp_dkeel"][0] == 0.0


def test_both_ways_of_grading_give_the_same_rows(courses: dict[str, Course]) -> None:
    assert rows(courses["ours"]) == rows(courses["theirs"])


def test_the_document_has_it_and_it_is_not_lost(courses: dict[str, Course]) -> None:
    found = json.loads((courses["ours"].folder / "marks.json").read_text())["submissions"]
    assert [(each["score"], each["max_score"]) for each in found] == [(9.0, 7.0), (6.0, 7.0)]
    (keel,) = (step for step in found[0]["steps"] if step["name"] == "dkeel")
    assert (keel["points"], keel["max_points"], keel["bonus"]) == (2.0, 0.0, 2.0)
    assert [step["name"] for step in found[1]["steps"] if step["points"] < step["max_points"]] == ["drope"]


def test_it_is_not_graded_again(courses: dict[str, Course]) -> None:
    said = courses["ours"].instructor(*GRADE)
    assert "2 unchanged" in said
    assert "9 / 7" in said


def test_export_report_and_feedback_show_it(courses: dict[str, Course]) -> None:
    course = courses["theirs"]
    course.instructor("nbgrader", "export")
    (ada,) = (r for r in csv.DictReader((course.folder / "grades.csv").open()) if r["student_id"] == "ada")
    assert (float(ada["score"]), float(ada["max_score"])) == (9.0, 7.0)
    course.instructor("autograder", "export", "csv", "--out", "lms.csv")
    assert "9" in (course.folder / "lms.csv").read_text()
    course.instructor("nbgrader", "generate_feedback", ASSIGNMENT)
    page = page_text((course.folder / "feedback" / "ada" / ASSIGNMENT / f"{EXERCISE}.html").read_text())
    assert "2 of 2 as a bonus" in page
    assert "bonus 2" in page
    course.instructor("autograder", "report", ASSIGNMENT)
    report = (course.folder / f"report-{ASSIGNMENT}.html").read_text()
    assert "2, bonus" in report
    assert "dkeel: wrong, 0 of 2" in report
