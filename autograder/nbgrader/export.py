"""`nbgrader export` to grades.csv: nbgrader's columns, one row a line, nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.plugins import ExportPlugin

from autograder.files import write_whole
from autograder.text import in_a_spreadsheet

COLUMNS = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score"),
)


class SafeCsvExportPlugin(ExportPlugin):
    """nbgrader's CsvExportPlugin with every value in one cell, written whole and for its owner only."""

    def export(self, gradebook: Gradebook) -> None:
        """Write the grades of all students, or of those that were asked for."""
        path = Path(self.to or "grades.csv")
        self.log.info("Exporting grades to %s", path)
        out = io.StringIO()
        rows = csv.writer(out, lineterminator="\n")
        rows.writerow(COLUMNS)
        for assignment in gradebook.assignments:
            for student in gradebook.students:
                if _among(assignment.name, self.assignment) and _among(student.id, self.student):
                    row = _row(gradebook, assignment, student)
                    rows.writerow([_cell(row[column]) for column in COLUMNS])
        write_whole(path, out.getvalue())


def _among(name: str, wanted: list[Any]) -> bool:
    return not wanted or name in map(str, wanted)


def _row(gradebook: Gradebook, assignment: Any, student: Any) -> dict[str, Any]:
    row = {name: getattr(student, name) for name in ("last_name", "first_name", "email")}
    row |= {"assignment": assignment.name, "duedate": assignment.duedate, "student_id": student.id}
    row |= {"timestamp": "", "raw_score": 0.0, "late_submission_penalty": 0.0, "score": 0.0}
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:  # nothing submitted
        return row | {"max_score": assignment.max_score}
    penalty = submission.late_submission_penalty
    row |= {"timestamp": submission.timestamp, "raw_score": submission.score, "late_submission_penalty": penalty}
    return row | {"score": max(0.0, submission.score - penalty), "max_score": assignment.max_score}


def _cell(value: Any) -> Any:
    return in_a_spreadsheet(value) if isinstance(value, str) else value
