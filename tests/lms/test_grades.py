"""The gradebook as each platform imports it."""

from __future__ import annotations

import csv
import io

import pytest

from autograder.lms.grades import (
    Grades,
    canvas_columns,
    keep_columns,
    kept_columns,
    read_grades,
    to_canvas,
    to_moodle,
    to_spreadsheet,
)
from autograder.lms.roster import Student

CLASS = [
    Student("ada", "Sample", "Ada", "ada@example.org", "101", "u-1", "ada", "Section 1"),
    Student("ben", "=cmd()", "@Ben", "", "", "", "ben.l"),
    Student("cleo", "Sample", "Cleo", "cleo@example.org"),
]
GRADES = Grades({"port": 8.0, "line": 2.0}, {("ada", "port"): 7.5, ("ada", "line"): 0.0, ("ben", "port"): 3.25})


def table(text):
    return list(csv.reader(io.StringIO(text)))


def test_canvas():
    """The header that its importer asks for; no cell where nothing was submitted, which leaves Canvas's as it is."""
    text, left_out = to_canvas(GRADES, CLASS, {"port": "port (4711)"})
    rows = table(text)
    assert rows[0] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", "port (4711)", "line"]
    assert rows[1] == ["    Points Possible", "", "", "", "", "8.0", "2.0"]
    assert rows[2] == ["Sample, Ada", "101", "u-1", "ada", "Section 1", "7.5", "0.0"]
    assert rows[3] == ["'=cmd(), @Ben", "", "", "ben.l", "", "3.25", ""]
    assert (len(rows), left_out) == (4, ["cleo"])


def test_a_column_of_canvass_is_found_whatever_its_case():
    columns = {"Port": "Port (4711)", "Line  one": "Line  one (9)"}
    assert canvas_columns(Grades({"port": 8.0, "line_one": 2.0, "other": 1.0}, {}), columns) == {
        "port": "Port (4711)",
        "line_one": "Line  one (9)",
    }


def test_moodle():
    text, left_out = to_moodle(GRADES, CLASS)
    assert table(text) == [
        ["First name", "Last name", "Email address", "port", "line"],
        ["Ada", "Sample", "ada@example.org", "7.5", "0.0"],
        ["Cleo", "Sample", "cleo@example.org", "", ""],
    ]
    assert left_out == ["ben"]


def test_a_spreadsheet_has_everybody():
    text, left_out = to_spreadsheet(GRADES, CLASS)
    assert table(text)[2] == ["ben", "'=cmd()", "'@Ben", "", "3.25", ""]
    assert (len(table(text)), left_out) == (4, [])


def test_the_gradebook_with_its_penalties(gradebook):
    gradebook.add_student("ben")
    for student, score, penalty in (("ada", 7.0, None), ("ben", 3.0, 5.0)):
        gradebook.add_submission("port", student)
        grade = gradebook.find_grade("cmp_dkeel", "harbour", "port", student)
        grade.auto_score = score
        notebook = gradebook.find_submission_notebook("harbour", "port", student)
        notebook.late_submission_penalty = penalty
    gradebook.add_assignment("empty")
    gradebook.db.commit()
    assert read_grades(gradebook) == Grades({"port": 8.0, "empty": 0.0}, {("ada", "port"): 7.0, ("ben", "port"): 0.0})
    assert list(read_grades(gradebook, ["port"]).assignments) == ["port"]


@pytest.mark.parametrize("damage", [None, "{", "[]"])
def test_canvass_columns_are_kept(tmp_path, damage):
    assert kept_columns(tmp_path) == {}
    keep_columns(tmp_path, {"port": "port (1)"})
    keep_columns(tmp_path, {"line": "line (2)"})
    assert kept_columns(tmp_path) == {"port": "port (1)", "line": "line (2)"}
    if damage is not None:
        (tmp_path / ".autograder" / "canvas-columns.json").write_text(damage)
        assert kept_columns(tmp_path) == {}
