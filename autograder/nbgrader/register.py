"""Read from nbgrader's gradebook who is in the class, when each submitted, and what the gradebook has of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nbgrader.api import Assignment, Gradebook, MissingEntry, SubmittedAssignment
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.exc import SQLAlchemyError
from traitlets.config import Config

from autograder.course.folder import GradebookError
from autograder.course.register import Register, Standing
from autograder.nbgrader.late import late_of, late_plugin
from autograder.nbgrader.submitted import submitted_at

FILE = "sqlite:///"


def read_register(config: Config, assignment: str, folders: Mapping[str, Path]) -> Register:
    """Return what the gradebook has of an assignment; nobody where there is no gradebook yet.

    folders: of those who submitted, by student; their timestamp.txt counts before the gradebook's time. Raises
    GradebookError, SettingsError.
    """
    url = _url(config)
    times = {student: submitted_at(folder) for student, folder in folders.items()}
    if url is None:
        return Register(standings={student: Standing(submitted=when) for student, when in times.items()})
    with _explained(), Gradebook(url) as gradebook:
        return _register(gradebook, assignment, times, late_plugin(config))


def marks_given(config: Config, assignment: str, exercise: str) -> dict[str, dict[str, float]]:
    """Return what the autograder gave, by student and check cell; nothing where there is no gradebook.

    Raises GradebookError.
    """
    url = _url(config)
    if url is None:
        return {}
    found = {}
    with _explained(), Gradebook(url) as gradebook:
        try:
            rows = gradebook.find_notebook(exercise, assignment).submissions
        except MissingEntry:
            return {}
        for row in rows:
            marks = {grade.name: grade.auto_score for grade in row.grades if grade.auto_score is not None}
            if marks:
                found[row.student.id] = marks
    return found


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        reason = str(error).splitlines()[0]
        raise GradebookError(
            f"the gradebook could not be read ({reason}); back it up, run: nbgrader db upgrade"
        ) from None


def _url(config: Config) -> str | None:
    """Return the gradebook's address, or None where its file is not there: to open it would make one."""
    url: str = CourseDirectory(config=config).db_url
    there = not url.startswith(FILE) or Path(url.removeprefix(FILE)).exists()
    return url if there else None


def _register(gradebook: Gradebook, assignment: str, times: Mapping[str, datetime | None], plugin: Any) -> Register:
    due, most, rows = None, {}, {}
    names = {
        student.id: " ".join(filter(None, (student.first_name, student.last_name))) for student in gradebook.students
    }
    try:
        found: Assignment = gradebook.find_assignment(assignment)
    except MissingEntry:
        pass
    else:
        due = found.duedate
        most = {notebook.name: notebook.max_score for notebook in found.notebooks}
        rows = {row.student_id: row for row in found.submissions}
    return Register(
        due,
        most,
        {
            student: _standing(names.get(student, ""), due, rows.get(student), times.get(student), plugin)
            for student in names.keys() | times.keys()
        },
    )


def _standing(
    name: str, due: datetime | None, row: SubmittedAssignment | None, when: datetime | None, plugin: Any
) -> Standing:
    if row is not None:
        when = when or row.timestamp
    extension = timedelta() if row is None or row.extension is None else row.extension
    late = max(timedelta(), when - due - extension) if when is not None and due is not None else timedelta()
    if row is None:
        return Standing(name, when, extension, late)
    graded = [each for each in row.notebooks if any(_is_graded(grade) for grade in each.grades)]
    return Standing(
        name,
        when,
        extension,
        late,
        late_of(plugin, row).free if late else 0,
        sum(each.late_submission_penalty or 0.0 for each in graded),
        {each.name: each.score for each in graded},
        frozenset(
            each.name for each in graded if any(g.manual_score is not None or g.extra_credit for g in each.grades)
        ),
    )


def _is_graded(grade: object) -> bool:
    return getattr(grade, "auto_score", None) is not None or getattr(grade, "manual_score", None) is not None
