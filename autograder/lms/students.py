"""The students that the gradebook knows, together with what roster.csv tells of them beyond that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SQLAlchemyError
from traitlets.config.loader import Config

from autograder.course.folder import GradebookError
from autograder.files import write_whole
from autograder.lms.roster import Roster, Student, read_roster, to_csv
from autograder.lms.sheet import read_sheet

ROSTER = "roster.csv"


@contextmanager
def opened_gradebook(config: Config, folder: Path) -> Iterator[Gradebook]:
    """Open the gradebook of the course in `folder`. The database's errors in the block become a GradebookError."""
    course = CourseDirectory(config=config)
    if not config.get("CourseDirectory", {}).get("root"):
        course.root = str(folder.absolute())
    try:
        with Gradebook(course.db_url, course.course_id) as gradebook:
            yield gradebook
    except SQLAlchemyError as error:
        raise GradebookError(f"the gradebook could not be used ({str(error).splitlines()[0]}); run again") from None


@dataclass(frozen=True)
class Enrolled:
    """What enrolling a roster did. absent: students of the gradebook that the file does not name; they stay."""

    new: tuple[str, ...]
    known: tuple[str, ...]
    absent: tuple[str, ...]


def enrol(roster: Roster, gradebook: Gradebook, folder: Path) -> Enrolled:
    """Put the students into the gradebook and into roster.csv; nobody is taken out. Raises CourseError, OSError.

    What a file does not tell stays as it is known.
    """
    before = {student.id: student for student in known_students(gradebook, folder)}
    merged = dict(before)
    for student in roster.students:
        old = before.get(student.id, Student(student.id))
        told = {name: value for name, value in vars(student).items() if value}
        now = merged[student.id] = replace(old, **told)
        names = {"last_name": now.last_name or None, "first_name": now.first_name or None, "email": now.email or None}
        gradebook.update_or_create_student(student.id, **names, lms_user_id=now.lms_id or None)
    write_whole(folder / ROSTER, to_csv(merged.values()))
    named = {student.id for student in roster.students}
    return Enrolled(
        tuple(sorted(named - before.keys())),
        tuple(sorted(named & before.keys())),
        tuple(sorted(before.keys() - named)),
    )


def known_students(gradebook: Gradebook, folder: Path) -> list[Student]:
    """Return the gradebook's students, with their ids on the platform. Raises CourseError, OSError."""
    path = folder / ROSTER
    told = {student.id: student for student in read_roster(read_sheet(path)).students} if path.is_file() else {}
    found = []
    for row in gradebook.students:
        student = told.get(row.id, Student(row.id))
        found.append(
            replace(
                student,
                last_name=row.last_name or student.last_name,
                first_name=row.first_name or student.first_name,
                email=row.email or student.email,
                lms_id=row.lms_user_id or student.lms_id,
            )
        )
    return found
