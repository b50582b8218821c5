"""The gradebook as a CSV file that Canvas, Moodle or a spreadsheet takes, with one column an assignment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook

from autograder.course.folder import KEPT
from autograder.files import private_folder, write_whole
from autograder.lms.roster import POINTS_POSSIBLE, Student
from autograder.lms.sheet import written

CANVAS_COLUMNS = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
MOODLE_COLUMNS = ("First name", "Last name", "Email address")
CSV_COLUMNS = ("id", "last_name", "first_name", "email")
KNOWN_COLUMNS = "canvas-columns.json"  # below KEPT: Canvas's names of its assignment columns, with their numbers


@dataclass(frozen=True)
class Grades:
    """The scores of a class.

    assignments: the names, with the points each gives at most. scores: by student and assignment, with penalties taken
    off; no entry where nothing was submitted.
    """

    assignments: Mapping[str, float]
    scores: Mapping[tuple[str, str], float]


def read_grades(gradebook: Gradebook, only: Sequence[str] = ()) -> Grades:
    """Return the scores in the gradebook, of all assignments or of these."""
    rows: list[Any] = [row for row in gradebook.assignments if not only or row.name in only]
    scores = {}
    for assignment in rows:
        for submission in gradebook.assignment_submissions(assignment.name):
            penalty = submission.late_submission_penalty or 0.0
            scores[submission.student.id, assignment.name] = round(max(0.0, submission.score - penalty), 2)
    return Grades({row.name: row.max_score for row in rows}, scores)


def to_canvas(grades: Grades, students: Sequence[Student], columns: Mapping[str, str]) -> tuple[str, list[str]]:
    """Return (the CSV file for Canvas's gradebook, the students without an id that Canvas knows, left out).

    columns: Canvas's own names of its assignment columns, as canvas_columns finds them.
    """
    known = canvas_columns(grades, columns)
    header = (*CANVAS_COLUMNS, *(known.get(name, name) for name in grades.assignments))
    rows: list[list[str | float | None]] = [
        [f"    {POINTS_POSSIBLE}", *[""] * (len(CANVAS_COLUMNS) - 1), *grades.assignments.values()]
    ]
    for s in students:
        if s.lms_id or s.sis_user_id or s.sis_login_id:
            name = f"{s.last_name}, {s.first_name}".strip(", ")
            rows.append([name, s.lms_id, s.sis_user_id, s.sis_login_id, s.section, *_scores(grades, s)])
    left_out = [s.id for s in students if not (s.lms_id or s.sis_user_id or s.sis_login_id)]
    return written(header, rows), left_out


def canvas_columns(grades: Grades, columns: Mapping[str, str]) -> dict[str, str]:
    """Return Canvas's name of each assignment's column, none where it has none: then it asks, or makes a new one.

    columns: its columns by bare name. Upper and lower case are one, as are spaces and underscores.
    """
    plain = {_plain(name): column for name, column in columns.items()}
    return {name: plain[_plain(name)] for name in grades.assignments if _plain(name) in plain}


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())


def to_moodle(grades: Grades, students: Sequence[Student]) -> tuple[str, list[str]]:
    """Return (the CSV file for Moodle's import of grades, mapped by e-mail address; the students without one)."""
    rows = [[s.first_name, s.last_name, s.email, *_scores(grades, s)] for s in students if s.email]
    return written((*MOODLE_COLUMNS, *grades.assignments), rows), [s.id for s in students if not s.email]


def to_spreadsheet(grades: Grades, students: Sequence[Student]) -> tuple[str, list[str]]:
    """Return (a CSV file of everybody, nobody left out)."""
    rows = [[s.id, s.last_name, s.first_name, s.email, *_scores(grades, s)] for s in students]
    return written((*CSV_COLUMNS, *grades.assignments), rows), []


def keep_columns(folder: Path, columns: Mapping[str, str]) -> None:
    """Keep Canvas's names of its assignment columns for the export. Raises OSError."""
    private_folder(folder / KEPT)
    write_whole(folder / KEPT / KNOWN_COLUMNS, json.dumps({**kept_columns(folder), **columns}))


def kept_columns(folder: Path) -> dict[str, str]:
    """Return what keep_columns has kept, empty where that is nothing."""
    try:
        found = json.loads((folder / KEPT / KNOWN_COLUMNS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _scores(grades: Grades, student: Student) -> list[float | None]:
    return [grades.scores.get((student.id, name)) for name in grades.assignments]
