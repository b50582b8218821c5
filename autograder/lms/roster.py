"""Who is in the course: read from the files of Canvas, Moodle or a plain CSV file, and found again by an id."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields

from autograder.course.folder import CourseError, is_stray
from autograder.lms.sheet import Sheet, written

CANVAS, MOODLE, GRADESCOPE, PLAIN = "canvas", "moodle", "gradescope", "csv"
IDS = ("id", "student_id", "username", "sid")  # names of a plain file's column of ids
PARTICIPANT = "Identifier"  # the column of Moodle's grading worksheet: "Participant 12345"
POINTS_POSSIBLE = "Points Possible"
MAX_ID = 128  # characters, of the gradebook's column
# Canvas shows a column of each assignment as "Name (4711)".
ASSIGNMENT = re.compile(r"^(?P<name>.+) \(\d+\)$")


@dataclass(frozen=True)
class Student:
    """A student of the course.

    id: the name in the gradebook and of the folders. lms_id: Canvas's user number, or the number of Moodle's
    participant. sis_user_id, sis_login_id, section: Canvas's other columns, which its import asks for.
    """

    id: str
    last_name: str = ""
    first_name: str = ""
    email: str = ""
    lms_id: str = ""
    sis_user_id: str = ""
    sis_login_id: str = ""
    section: str = ""

    @property
    def name(self) -> str:
        """The first and last name, or the id where neither is known."""
        return f"{self.first_name} {self.last_name}".strip() or self.id


COLUMNS = tuple(field.name for field in fields(Student))


@dataclass(frozen=True)
class Roster:
    """The students of a file. kind: where it comes from. columns: Canvas's assignment columns, by the bare name.

    refused: the rows that name no usable student, each with the reason.
    """

    kind: str
    students: tuple[Student, ...]
    columns: Mapping[str, str]
    refused: tuple[str, ...] = ()


def read_roster(sheet: Sheet) -> Roster:
    """Read a roster from Canvas's gradebook, Moodle's worksheet, grades or participants, or a CSV file with an id.

    Raises CourseError where it is none of these.
    """
    kind, read = _reader(sheet)
    students: dict[str, Student] = {}
    refused = []
    for number, row in sheet.rows:
        if kind == CANVAS and _is_no_student(row):
            continue
        student = read(row)
        reason = "another row has the same id" if student.id in students else _unusable(student.id)
        if reason is not None:
            refused.append(f"row {number} ({student.name or 'no name'}): {reason}")
        else:
            students[student.id] = student
    columns = {match["name"]: name for name in sheet.header if kind == CANVAS and (match := ASSIGNMENT.match(name))}
    return Roster(kind, tuple(students.values()), columns, tuple(refused))


def to_csv(students: Iterable[Student]) -> str:
    """Return roster.csv, which read_roster reads as a plain file."""
    return written(COLUMNS, ([getattr(student, name) for name in COLUMNS] for student in students))


def name_key(name: str) -> str:
    """Return a name as only its letters and digits, in lower case: Canvas's files have it so."""
    kept = ("Mn", "Mc", "Pc")  # combining marks and the underscore
    composed = unicodedata.normalize("NFC", name).lower()
    return "".join(c for c in composed if c.isalnum() or unicodedata.category(c) in kept)


def _reader(sheet: Sheet) -> tuple[str, Callable[[dict[str, str]], Student]]:
    header = set(sheet.header)
    if {"Student", "ID"} <= header and "Section" in header:
        return CANVAS, _of_canvas
    if {PARTICIPANT, "Full name"} <= header:
        return MOODLE, _of_worksheet
    if "First name" in header and header & {"Last name", "Surname"}:
        return MOODLE, _of_participants
    lower = {name.lower().replace(" ", "_"): name for name in sheet.header}
    id_column = next((lower[name] for name in IDS if name in lower), None)
    if id_column is None:
        found = ", ".join(sheet.header[:8])
        raise CourseError(
            f"no column names the students; expected an export of Canvas or Moodle, or a column id; found: {found}"
        )
    return PLAIN, lambda row: _of_plain(row, lower, id_column)


def _is_no_student(row: Mapping[str, str]) -> bool:
    """Canvas's row of points, its note on manual posting, and its Test Student."""
    name = row.get("Student", "")
    return not row.get("ID", "").strip() or POINTS_POSSIBLE in name or name == "Student, Test"


def _of_canvas(row: dict[str, str]) -> Student:
    last, first = _halves(row["Student"])
    user, login = row.get("SIS User ID", ""), row.get("SIS Login ID", "")
    email = login if "@" in login else ""
    return Student(login or user or row["ID"], last, first, email, row["ID"], user, login, row.get("Section", ""))


def _of_worksheet(row: dict[str, str]) -> Student:
    last, first = _halves(row["Full name"])
    email, number = row.get("Email address", ""), "".join(re.findall(r"\d+", row[PARTICIPANT])[-1:])
    own = row.get("Username", "") or row.get("ID number", "") or email or number
    return Student(own, last, first, email, number)


def _of_participants(row: dict[str, str]) -> Student:
    email = row.get("Email address", "")
    own = row.get("Username", "") or row.get("ID number", "") or email
    return Student(own, row.get("Last name", "") or row.get("Surname", ""), row.get("First name", ""), email)


def _of_plain(row: dict[str, str], names: Mapping[str, str], id_column: str) -> Student:
    def cell(*columns: str) -> str:
        return next((row[names[c]] for c in columns if c in names and row.get(names[c])), "")

    return Student(
        row.get(id_column, ""),
        cell("last_name", "surname"),
        cell("first_name"),
        cell("email", "email_address"),
        cell("lms_id", "lms_user_id"),
        cell("sis_user_id"),
        cell("sis_login_id"),
        cell("section", "sections"),
    )


def _halves(name: str) -> tuple[str, str]:
    """Return (last name, first name) of "Doe, Jane" or "Jane Doe"."""
    if "," in name:
        last, _, first = name.partition(",")
        return last.strip(), first.strip()
    first, _, last = name.strip().rpartition(" ")
    return last, first


def _unusable(student: str) -> str | None:
    """Return why this cannot be a student's id, which is a folder's name too, and what to do; None where it can."""
    if not student:
        return "it has no id; give the student one, or leave the row out"
    if (
        len(student) > MAX_ID
        or not student.isprintable()
        or is_stray(student)
        or any(c in student for c in "/\\*+?[]")
        or student[0] in "=-@'"
    ):
        return f"{student[:40]!r} cannot be a folder's name; give the student another id in a plain CSV file"
    return None
