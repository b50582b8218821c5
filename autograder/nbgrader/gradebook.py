"""Write the scores and comments of one submission into nbgrader's gradebook, in one transaction."""

from __future__ import annotations

import functools
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType, TracebackType
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
from autograder.exercise.changes import changes
from autograder.exercise.notebook import Exercise
from autograder.marking.result import Late
from autograder.nbgrader.late import apply_penalties
from autograder.nbgrader.released import Released, released_notebook

ORDINARY = "dojo_ordinary"  # in a notebook's resources: it is nbgrader's own kind, which nbgrader grades
# In a check cell's metadata: {"verdict": ...}, which the feedback page shows; of a bonus also {"bonus": points}, as
# nbgrader takes no output for more than a cell's points, of which a bonus has none.
VERDICT = "dojo"
NO_RESPONSE = "No response."
# By table and cell, the columns of a row: a task has a row with the same cell in both tables.
Marks = Mapping[type, Mapping[str, Mapping[str, Any]]]
NONE: Marks = MappingProxyType({})

# nbgrader opens the gradebook nine times for a notebook, each time with a new engine that compiles every statement
# again: a third of the time of `nbgrader autograde`. One engine for each database keeps its compiled statements.
nbgrader.api.create_engine = functools.cache(nbgrader.api.create_engine)


class Recorder:
    """Writes marks through nbgrader's own tables. Use as a context manager.

    create_student: whether somebody who is not in the gradebook may be added to it.
    """

    def __init__(self, db_url: str, *, create_student: bool = True) -> None:
        self._create_student = create_student
        # nbgrader calls alembic by name; its program lies beside the Python that runs this.
        beside, path = str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)
        if beside not in path.split(os.pathsep):
            os.environ["PATH"] = f"{beside}{os.pathsep}{path}"
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
                self._released[key] = released_notebook(notebook, self._gradebook.db)
        return self._released[key]

    def check(self, assignment: str, exercise: Exercise) -> Released:
        """Return what was released of an exercise. Raises CourseError where it is another by now.

        Then a score could be above its maximum, a mark have no row, or students have been given another forward pass.
        """
        released = self.released(assignment, exercise.name)
        differences = changes(exercise, released.cells, "in the gradebook it")
        if differences:
            others = f", and {len(differences) - 1} more" if len(differences) > 1 else ""
            raise CourseError(
                f"{assignment}/{exercise.name} was changed after it was generated: {differences[0]}{others}; run: "
                f"nbgrader generate_assignment {shlex.quote(assignment)} --force, then nbgrader release_assignment "
                f"{shlex.quote(assignment)} --force, and to see what it changes, autograder regrade "
                f"{shlex.quote(assignment)} --dry-run"
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

    def record(
        self, student: str, assignment: str, exercise: str, notebook: Any, timestamp: datetime | None = None
    ) -> SubmittedNotebook:
        """Write the scores and comments of an autograded notebook, all or nothing, and return its row.

        nbgrader's determine_grade reads scores from the cells' outputs; a bonus is in the metadata. What a person gave
        stays. timestamp: when it was submitted; None keeps the gradebook's. Raises CourseError, GradebookError.
        """
        released = self.released(assignment, exercise)
        cells = {cell.metadata["nbgrader"]["grade_id"]: cell for cell in notebook.cells if "nbgrader" in cell.metadata}
        there = {key: cells[name] for key, name in released.names.items() if name in cells}
        marks: Marks = {
            Grade: {key: _graded(there[key]) for key in released.graded if key in there},
            Comment: {key: _commented(there[key]) for key in released.commented if key in there},
        }
        session = self._gradebook.db
        with _explained(f"could not be written for {student}"):
            try:
                submitted, anew = self._submitted(student, assignment, released, timestamp, marks)
                for row in () if anew else (*submitted.grades, *submitted.comments):
                    values = marks[type(row)].get(row.cell_id, {})
                    # As in nbgrader, a person looks at their own mark again after a re-grade.
                    if values and isinstance(row, Grade) and row.manual_score is not None:
                        values = {**values, "needs_manual_grade": True}
                    for column, value in values.items():
                        setattr(row, column, value)
                session.commit()
            except BaseException:
                session.rollback()
                raise
        return submitted

    def extend(self, student: str, assignment: str, time: timedelta) -> datetime | None:
        """Give a student more time in the place of what was given before; return the new due date, None without any.

        Raises CourseError where the gradebook has no such student or assignment, GradebookError.
        """
        with _explained(f"could not be written for {student}"):
            try:
                self._gradebook.find_student(student)
                notebooks = self._gradebook.find_assignment(assignment).notebooks
            except MissingEntry as error:
                raise CourseError(
                    f"{error}; nbgrader db student list and nbgrader db assignment list name all"
                ) from None
            if not notebooks:
                raise CourseError(f"{assignment} has no notebook yet; run: nbgrader generate_assignment {assignment}")
            released = self.released(assignment, notebooks[0].name)
            row: SubmittedAssignment = self._submitted(student, assignment, released, None)[0].assignment
            if row.assignment.duedate is None:
                self._gradebook.db.rollback()
                return None
            row.extension = time or None
            self._gradebook.db.commit()
            due: datetime = row.duedate
        return due

    def penalise(
        self, assignment: str, plugin: Any, folder: Callable[[str], Path]
    ) -> tuple[dict[str, Late], list[str]]:
        """Set the late penalties of an assignment; see apply_penalties. Raises GradebookError."""
        with _explained("could not be written"):
            self._gradebook.db.expire_all()
            return apply_penalties(self._gradebook, plugin, assignment, folder)

    def students(self) -> list[str]:
        """Return everybody whom the gradebook knows. Raises GradebookError."""
        with _explained("could not be read"):
            return [student.id for student in self._gradebook.students]

    def record_missing(self, student: str, assignment: str, exercise: str) -> None:
        """Give a notebook that was not submitted 0 for all that is graded by its output; a person's marks stay."""
        released = self.released(assignment, exercise)
        with _explained(f"could not be written for {student}"):
            for grade in self._submitted(student, assignment, released, None)[0].grades:
                grade.auto_score, grade.needs_manual_grade = 0.0, False
            self._gradebook.db.commit()

    def _submitted(
        self,
        student: str,
        assignment: str,
        released: Released,
        timestamp: datetime | None,
        marks: Marks = NONE,
    ) -> tuple[SubmittedNotebook, bool]:
        """Return the row of the submitted notebook, and whether it is new; make it, and rows of cells that lack.

        marks: of the rows that are made.
        """
        session = self._gradebook.db
        found = (
            session.query(SubmittedAssignment)
            .filter_by(assignment_id=released.notebook.assignment.id, student_id=student)
            .one_or_none()
        )
        made: set[Notebook] = set()
        with session.no_autoflush:  # until all of it hangs together
            if found is None:
                person = session.get(Student, student) or Student(id=student)
                found = SubmittedAssignment(assignment=released.notebook.assignment, student=person)
                session.add(found)
            rows = {each.notebook: each for each in found.notebooks}
            for each in released.notebook.assignment.notebooks:
                if each not in rows:  # it may have come after the student's first submission
                    made.add(each)
                    rows[each] = SubmittedNotebook(notebook=each, assignment=found)
                    session.add(rows[each])
        if timestamp is not None:
            found.timestamp = timestamp
        session.flush()
        for each in released.notebook.assignment.notebooks:
            self._make_rows(rows[each], self.released(assignment, each.name), each in made, marks)
        return rows[released.notebook], released.notebook in made

    def _make_rows(self, mine: SubmittedNotebook, released: Released, anew: bool, marks: Marks) -> None:
        """Make the rows of grades and comments that a submitted notebook lacks: all of a table in one statement.

        anew: whether it has none at all.
        """
        session = self._gradebook.db
        for table, keys, plain in (
            (Grade, released.graded, {"auto_score": None, "needs_manual_grade": True}),
            (Comment, released.commented, {"auto_comment": None}),
        ):
            there = () if anew else {key for (key,) in session.query(table.cell_id).filter_by(notebook_id=mine.id)}
            values = marks.get(table, {})
            rows = [
                {"cell_id": key, "notebook_id": mine.id, **plain, **values.get(key, {})}
                for key in keys
                if key not in there
            ]
            if rows:
                session.execute(table.__table__.insert(), rows)


def _graded(cell: Any) -> dict[str, Any]:
    """Return the columns of a cell's grade, which a person gives where the cell is a task."""
    if utils.is_task(cell):
        return {"needs_manual_grade": True}
    score = _earned(cell)
    return {"auto_score": score, "needs_manual_grade": score is None}


def _commented(cell: Any) -> dict[str, Any]:
    """Return the columns of a cell's comment: whether it was left as it was released."""
    untouched = cell.metadata["nbgrader"].get("checksum") == utils.compute_checksum(cell)
    return {"auto_comment": NO_RESPONSE if untouched and not utils.is_task(cell) else None}


def _earned(cell: Any) -> float | None:
    bonus = 0.0 if utils.is_solution(cell) else cell.metadata.get(VERDICT, {}).get("bonus", 0.0)
    score, _ = utils.determine_grade(cell)
    return None if score is None else score + bonus


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
