"""Write the scores and comments of one submission into nbgrader's gradebook, in one transaction."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self

import nbgrader.api
from nbgrader import utils
from nbgrader.api import (
    Comment,
    Grade,
    Gradebook,
    MissingEntry,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.preprocessors import NbGraderPreprocessor
from sqlalchemy.exc import SQLAlchemyError

from autograder.course.folder import CourseError, GradebookError

NO_RESPONSE = "No response."

# nbgrader opens the gradebook nine times for a notebook, each time with a new engine that compiles every statement
# again: a third of the time of `nbgrader autograde`. One engine for each database keeps its compiled statements.
nbgrader.api.create_engine = functools.cache(nbgrader.api.create_engine)


@dataclass(frozen=True)
class Released:
    """The gradebook's rows of a released exercise.

    checksums: of its cells as released, by grade_id. names: grade_ids of graded and answered cells, by their row's id.
    """

    notebook: Notebook
    kernelspec: str | None
    checksums: Mapping[str, str]
    names: Mapping[str, str]


class Recorder:
    """Writes marks into nbgrader's own tables. A context manager. Raises GradebookError where it cannot be opened."""

    def __init__(self, db_url: str) -> None:
        with _explained("could not be opened"):
            self._gradebook = Gradebook(db_url)
        self._released: dict[tuple[str, str], Released] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._gradebook.close()

    def released(self, assignment: str, exercise: str) -> Released:
        """Return the gradebook's rows of a released notebook. Raises CourseError where it has none, GradebookError."""
        key = assignment, exercise
        if key not in self._released:
            with _explained("could not be read"):
                try:
                    notebook = self._gradebook.find_notebook(exercise, assignment)
                except MissingEntry:
                    raise CourseError(
                        f"the gradebook has no {assignment}/{exercise}; run: nbgrader generate_assignment {assignment}"
                    ) from None
                cells = [*notebook.grade_cells, *notebook.solution_cells, *notebook.task_cells]
                self._released[key] = Released(
                    notebook,
                    notebook.kernelspec,
                    {cell.name: cell.checksum for cell in notebook.source_cells if cell.checksum},
                    {cell.id: cell.name for cell in cells},
                )
        return self._released[key]

    def record(
        self, student: str, assignment: str, exercise: str, notebook: Any, timestamp: datetime | None = None
    ) -> SubmittedNotebook:
        """Write the scores and comments of an autograded notebook, all or nothing, and return its row.

        nbgrader's determine_grade reads the scores from the cells' outputs. Scores and comments that a person gave
        stay. timestamp: when it was submitted; None keeps the gradebook's. Raises CourseError, GradebookError.
        """
        released = self.released(assignment, exercise)
        cells = {cell.metadata["nbgrader"]["grade_id"]: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
        session = self._gradebook.db
        with _explained(f"could not be written for {student}"):
            try:
                submitted = self._submitted(student, assignment, released, timestamp)
                for grade in submitted.grades:
                    cell = cells.get(released.names[grade.cell_id])
                    if cell is not None:
                        grade.auto_score = utils.determine_grade(cell)[0]
                        # As in nbgrader, a person looks at their own mark again after a re-grade.
                        grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
                for comment in submitted.comments:
                    cell = cells.get(released.names[comment.cell_id])
                    if cell is not None:
                        untouched = cell.metadata["nbgrader"].get("checksum") == utils.compute_checksum(cell)
                        comment.auto_comment = NO_RESPONSE if untouched and not utils.is_task(cell) else None
                session.commit()
            except BaseException:
                session.rollback()
                raise
        return submitted

    def _submitted(
        self, student: str, assignment: str, released: Released, timestamp: datetime | None
    ) -> SubmittedNotebook:
        """Return the row of the submitted notebook; make it, with the rows of its cells, where there is none."""
        session = self._gradebook.db
        found = (
            session.query(SubmittedAssignment)
            .filter_by(assignment_id=released.notebook.assignment.id, student_id=student)
            .one_or_none()
        )
        if found is None:
            person = session.get(Student, student) or Student(id=student)
            found = SubmittedAssignment(assignment=released.notebook.assignment, student=person)
            with session.no_autoflush:  # until the rows refer to each other
                for each in released.notebook.assignment.notebooks:
                    submitted = SubmittedNotebook(notebook=each, assignment=found)
                    for cell in (*each.grade_cells, *each.task_cells):
                        Grade(cell_id=cell.id, notebook=submitted)
                    for cell in (*each.solution_cells, *each.task_cells):
                        Comment(cell_id=cell.id, notebook=submitted)
            session.add(found)
        if timestamp is not None:
            found.timestamp = timestamp
        return next(each for each in found.notebooks if each.notebook is released.notebook)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    """Turn the database's errors in the block into a GradebookError that begins with "the gradebook" and `what`."""
    try:
        yield
    except SQLAlchemyError as error:
        raise GradebookError(f"the gradebook {what} ({str(error).splitlines()[0]}); run again") from None


class RecordMarks(NbGraderPreprocessor):
    """Takes the place of nbgrader's SaveAutoGrades and writes all or nothing, not in a transaction for each cell."""

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Record the scores and comments of one autograded notebook."""
        info = resources["nbgrader"]
        with Recorder(info["db_url"]) as recorder:
            recorder.record(info["student"], info["assignment"], info["notebook"], nb)
        return nb, resources
