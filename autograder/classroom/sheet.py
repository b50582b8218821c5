"""The class as a table for a spreadsheet: a row for each student."""

from __future__ import annotations

import csv
import io

from autograder.classroom.overview import Overview, Row
from autograder.text import in_a_spreadsheet


def class_sheet(overview: Overview) -> str:
    """Return the table as CSV: marks of all exercises together, of each exercise, and of each step.

    A field is empty where nothing was graded. No field is a formula.
    """
    steps = [(e.name, step.name) for e in overview.exercises for step in e.steps]
    head = ["student", "name", "total", "max", "penalty", "submitted", "hours_late", "missing", "flags"]
    head += [exercise.name for exercise in overview.exercises]
    head += [f"{exercise}:{step}" for exercise, step in steps]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([_inert(field) for field in head])
    most = sum(overview.points.values())
    for row in overview.rows:
        writer.writerow([_inert(field) for field in _fields(row, overview, most, steps)])
    return out.getvalue()


def _fields(row: Row, overview: Overview, most: float, steps: list[tuple[str, str]]) -> list[object]:
    earned = {(name, step.name): step.points for name, result in row.results.items() for step in result.steps}
    standing = row.standing
    return [
        row.student,
        standing.name,
        row.total if row.results or standing.scores else None,
        most,
        standing.penalty,
        standing.submitted,
        round(standing.late.total_seconds() / 3600, 2),
        "; ".join(row.missing),
        "; ".join(row.flags),
        *(row.score(exercise.name) for exercise in overview.exercises),
        *(earned.get(step) for step in steps),
    ]


def _inert(field: object) -> object:
    return in_a_spreadsheet(field) if isinstance(field, str) else field
