"""Write the scores and comments of one submission into nbgrader's gradebook, in one transaction."""

from __future__ import annotations

import functools
import shlex
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
from nbgrader.preprocessors import NbGraderPreprocessor, SaveAutoGrades
from sqlalchemy.exc import SQLAlchemyError

from autograder.course.folder import CourseError, GradebookError, UnrecordedError
from autograder.exercise.notebook import Exercise

ORDINARY = "dojo_ordinary"  # in a notebook's resources: it is nbgrader's own kind, which nbgrader grades
NO_RESPONSE = "No response."

# nbgrader opens the gradebook nine times for a notebook, each time with a new engine that compiles every statement
# again: a third of the time of `nbgrader autograde`. One engine for each database keeps its compiled statements.
nbgrader.api.create_engine = functools.cache(nbgrader.api.create_engine)


@dataclass(frozen=True)
class Released:
    """An exercise as it was released.

    names: of graded and answered cells by their row's id. points: of the cells that are graded by their output.
    """

    notebook: Notebook
    kernelspec: str | None
    checksums: Mapping[str, str]
    names: Mapping[str, str]
    points: Mapping[str, float]


class Recorder:
    """Writes marks through nbgrader's own tables. Use as a context manager.

    create_student: whether somebody who is not in the gradebook may be added to it.
    """

    def __init__(self, db_url: str, *, create_student: bool = True) -> None:
        self._create_student = create_student
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
                    {cell.name: cell.max_score for cell in notebook.grade_cells},
                )
        return self._released[key]

    def check(self, assignment: str, exercise: Exercise) -> Released:
        """Return what was released of an exercise. Raises CourseError where it is worth something else by now.

        Then a score could be above its maximum, or a mark have no row.
        """
        released = self.released(assignment, exercise.name)
        for step in exercise.steps:
            points = released.points.get(step.check)
            if points != step.points:
                there = "is not there" if points is None else f"has {points:g}"
                raise CourseError(
                    f"{assignment}/{exercise.name} was changed after it was generated: {step.check} is worth "
                    f"{step.points:g} points, in the gradebook it {there}; run: nbgrader generate_assignment "
                    f"{shlex.quote(assignment)} --force"
                )
        return released

    def holds(self, student: str, assignment: str, exercise: str, points: Mapping[str, float]) -> bool:
        """Return whether the gradebook has these points for a student's check cells. Raises CourseError."""
        released = self.released(assignment, exercise)
        with _explained("could not be read"):
            row = (
                self._gradebook.db.query(SubmittedNotebook)
                .join(SubmittedAssignment)
                .filter(SubmittedNotebook.notebook_id == released.notebook.id)
                .filter(SubmittedAssignment.student_id == student)
                .one_or_none()
            )
            if row is None:
                return False
            there = {released.names[grade.cell_id]: grade.auto_score for grade in row.grades}
        return all(there.get(check) == score for check, score in points.items())

    def require(self, student: str) -> None:
        """Raise UnrecordedError where somebody is not in the gradebook and may not be added to it."""
        with _explained("could not be read"):
            if self._create_student or self._gradebook.db.get(Student, student) is not None:
                return
        raise UnrecordedError(
            f"{student} is not in the gradebook, and Autograde.create_student is False; rename the folder, or run: "
            f"nbgrader db student add {shlex.quote(student)}"
        )

    def submitted(self, student: str, assignment: str, exercise: str) -> SubmittedNotebook:
        """Return the row of a notebook that has been recorded, as the database has it now."""
        with _explained("could not be read"):
            self._gradebook.db.expire_all()
            return self._gradebook.find_submission_notebook(exercise, assignment, student)

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
                    if cell is not None and utils.is_task(cell):  # which a person grades
                        grade.needs_manual_grade = True
                    elif cell is not None:
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

    def record_missing(self, student: str, assignment: str, exercise: str) -> None:
        """Give a notebook that was not submitted 0 for all that is graded by its output; a person's marks stay."""
        released = self.released(assignment, exercise)
        with _explained(f"could not be written for {student}"):
            for grade in self._submitted(student, assignment, released, None).grades:
                grade.auto_score, grade.needs_manual_grade = 0.0, False
            self._gradebook.db.commit()

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
        with session.no_autoflush:  # until all of it hangs together
            if found is None:
                person = session.get(Student, student) or Student(id=student)
                found = SubmittedAssignment(assignment=released.notebook.assignment, student=person)
                session.add(found)
            # A notebook or a cell may have come after the student's first submission.
            rows = {each.notebook: each for each in found.notebooks}
            for each in released.notebook.assignment.notebooks:
                mine = rows.get(each) or SubmittedNotebook(notebook=each, assignment=found)
                session.add_all([mine, *_lacking(mine, each)])
        if timestamp is not None:
            found.timestamp = timestamp
        return next(each for each in found.notebooks if each.notebook is released.notebook)


def _lacking(submitted: SubmittedNotebook, released: Notebook) -> Iterator[Grade | Comment]:
    """Make the rows of grades and comments that a submitted notebook does not have."""
    graded = {grade.cell_id for grade in submitted.grades}
    for cell in (*released.grade_cells, *released.task_cells):
        if cell.id not in graded:
            yield Grade(cell_id=cell.id, notebook=submitted)
    commented = {comment.cell_id for comment in submitted.comments}
    for cell in (*released.solution_cells, *released.task_cells):
        if cell.id not in commented:
            yield Comment(cell_id=cell.id, notebook=submitted)


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
        if info.get(ORDINARY):
            saved: tuple[Any, Any] = SaveAutoGrades(parent=self.parent).preprocess(nb, resources)
            return saved
        with Recorder(info["db_url"]) as recorder:
            recorder.record(info["student"], info["assignment"], info["notebook"], nb)
        return nb, resources
