"""Who is in the course, by the files of each platform."""

from __future__ import annotations

import pytest

from autograder.course.folder import CourseError
from autograder.lms.roster import Student, name_key, read_roster, to_csv
from autograder.lms.sheet import read_sheet

from .zips import CANVAS_GRADES, WORKSHEET


@pytest.fixture
def roster(tmp_path):
    def read(text):
        (tmp_path / "class.csv").write_text(text)
        return read_roster(read_sheet(tmp_path / "class.csv"))

    return read


def test_canvas(roster):
    """Neither its notes, nor its row of points, nor its Test Student is a student."""
    found = roster(CANVAS_GRADES)
    assert found.kind == "canvas"
    assert found.students == (
        Student("ada", "Sample", "Ada", "", "101", "u-1", "ada", "Section 1"),
        Student("ben", "O'Neil-Müller", "Ben", "", "102", "u-2", "ben", "Section 1"),
        Student("103", "Sample", "Cleo", "", "103", "", "", "Section 2"),
    )
    assert found.columns == {"port": "port (4711)"}
    assert found.refused == ()


def test_moodles_worksheet(roster):
    found = roster(WORKSHEET)
    assert found.kind == "moodle"
    assert found.students[0] == Student("ada@example.org", "Sample", "Ada", "ada@example.org", "501")


@pytest.mark.parametrize("last", ["Last name", "Surname"])
def test_moodles_participants_and_grades(roster, last):
    found = roster(f"First name,{last},ID number,Email address\nAda,Sample,u-1,ada@example.org\nBen,Sample,,b@x.org\n")
    assert [student.id for student in found.students] == ["u-1", "b@x.org"]
    assert found.students[0].last_name == "Sample"


@pytest.mark.parametrize("column", ["id", "ID", "student_id", "Username", "SID"])
def test_a_plain_file(roster, column):
    """Gradescope's roster is one."""
    found = roster(f"First Name,Last Name,{column},Email,Role\nAda,Sample,u-1,ada@example.org,Student\n")
    assert found.students == (Student("u-1", "Sample", "Ada", "ada@example.org"),)


def test_roster_csv_is_read_as_it_was_written(roster):
    students = roster(CANVAS_GRADES).students
    assert roster(to_csv(students)).students == students


def test_a_file_without_ids_says_what_was_expected(roster):
    with pytest.raises(CourseError, match=r"a column id; found: name, mark$"):
        roster("name,mark\nAda,7\n")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "it has no id"),
        ("../ada", "cannot be a folder's name"),
        ("a/b", "cannot be a folder's name"),
        (".ada", "cannot be a folder's name"),
        ("ada*", "cannot be a folder's name"),
        ("a+b@example.org", "cannot be a folder's name"),
        ("=1", "cannot be a folder's name"),
        ("x" * 200, "cannot be a folder's name"),
        ("ben", "another row has the same id"),
    ],
)
def test_an_id_that_cannot_be_is_named_by_its_row(roster, name, reason):
    found = roster(f"id,first_name\nben,Ben\n{name},Ada\n")
    assert [student.id for student in found.students] == ["ben"]
    assert found.refused[0].startswith("row 3 (")
    assert reason in found.refused[0]


def test_a_name_as_canvas_writes_it():
    assert name_key("O'Neil-Müller, Ben") == "oneilmüllerben"
    assert name_key("M\u0075\u0308ller") == "müller"
