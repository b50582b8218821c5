"""Write autograded notebooks and the gradebook for `grade --gradebook`, just as nbgrader autograde leaves them."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nbformat
from nbgrader.api import SubmittedNotebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties, LimitOutput
from traitlets.config import Config
from traitlets.log import get_logger

from autograder.exercise.notebook import Exercise
from autograder.files import private_folder, write_whole
from autograder.marking.result import SubmissionResult
from autograder.nbgrader.gradebook import Recorder
from autograder.nbgrader.mark import write_outputs
from autograder.nbgrader.private import seal
from autograder.nbgrader.restore import restore
from autograder.nbgrader.sanitize import make_inert
from autograder.nbgrader.submitted import copy_beside, copy_exercise_files, submitted_at
from autograder.submission.file import read_notebook

READ_ONLY = 0o444
INDEX = "dojo_index"  # metadata key: the cell's index in the submission, while its notebook is restored


class DirectGradebook:
    """Writes one submission after another into the gradebook. A context manager.

    config: the course's nbgrader configuration. Raises GradebookError where the gradebook cannot be opened.
    """

    def __init__(self, config: Config, assignment: str) -> None:
        self._course = CourseDirectory(config=config)
        self._assignment = assignment
        create = config.get("Autograde", {}).get("create_student", True)
        self._recorder = Recorder(self._course.db_url, create_student=bool(create))
        if not self._course.groupshared:
            seal(Path(self._course.root))
        self._limit = LimitOutput(config=config)
        self._late = AssignLatePenalties(config=config)
        self._source = Path(self._course.format_path(self._course.source_directory, ".", assignment))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._recorder.__exit__(kind, error, tb)

    def check(self, exercise: Exercise) -> None:
        """Raise CourseError where the gradebook does not know the exercise as it is."""
        self._recorder.check(self._assignment, exercise)

    def holds(self, student: str, exercise: Exercise, submitted: Path, result: SubmissionResult) -> bool:
        """Whether this result of this file is in the gradebook, with the autograded notebook.

        Where it is, its penalty is brought up to date: a due date or a submission's time may have been changed since.
        """
        points = {step.check: 0.0 for step in exercise.steps} | {step.check: step.points for step in result.steps}
        there = self._target(student, exercise).exists()
        if not there or not self._recorder.holds(student, self._assignment, exercise.name, points):
            return False
        row = self._recorder.submitted(student, self._assignment, exercise.name)
        if row.assignment.timestamp != (submitted_at(submitted.parent) or row.assignment.timestamp):
            return False
        self._penalise(row)
        return True

    def write(self, student: str, exercise: Exercise, submitted: Path, result: SubmissionResult) -> None:
        """Write the autograded notebook, then the gradebook. Raises OSError, GradebookError, UnrecordedError."""
        released = self._recorder.released(self._assignment, exercise.name)
        self._recorder.require(student)
        # Nothing to show of the student's: a page of check cells that say why there is no mark.
        notebook = read_notebook(submitted) if result.steps else nbformat.v4.new_notebook()
        for index, cell in enumerate(notebook.cells):
            cell.metadata[INDEX] = index
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        restore(notebook, exercise, released.checksums)
        if released.kernelspec:
            notebook.metadata["kernelspec"] = json.loads(released.kernelspec)
        write_outputs(notebook, _moved(result, notebook))
        notebook, _ = self._limit.preprocess(notebook, {})
        make_inert(notebook)
        target = self._target(student, exercise)
        self._copy_others(submitted.parent, target.parent)
        # nbformat.writes would validate once more, copy everything and indent: a third of the time spent here.
        write_whole(target, json.dumps(notebook, ensure_ascii=False), READ_ONLY)
        timestamp = submitted_at(submitted.parent)
        self._penalise(self._recorder.record(student, self._assignment, exercise.name, notebook, timestamp))

    def _penalise(self, row: SubmittedNotebook) -> None:
        """Set the penalty for being late, or take it back."""
        if row.assignment.total_seconds_late > 0 or row.late_submission_penalty:
            info = {"student": row.student.id, "assignment": self._assignment, "notebook": row.name}
            self._late.preprocess(nbformat.v4.new_notebook(), {"nbgrader": info | {"db_url": self._course.db_url}})

    def _target(self, student: str, exercise: Exercise) -> Path:
        folder = self._course.format_path(self._course.autograded_directory, student, self._assignment)
        return Path(folder) / f"{exercise.name}.ipynb"

    def _copy_others(self, submitted: Path, target: Path) -> None:
        """Copy what lies beside the notebooks: the student's files, and over them the exercise's own."""
        private_folder(target)
        note = get_logger().warning
        copy_beside(submitted, target, self._ignored, note, active=False)
        copy_exercise_files(self._source, target, self._ignored)
        for folder, _, names in os.walk(target):
            for name in names:
                Path(folder, name).chmod(READ_ONLY)

    def _ignored(self, path: Path) -> bool:
        return any(fnmatch(path.name, pattern) for pattern in self._course.ignore)


def _moved(result: SubmissionResult, notebook: Any) -> SubmissionResult:
    """Return the result with the cell indices that its cells have after restoring."""
    now = {cell.metadata.pop(INDEX): index for index, cell in enumerate(notebook.cells) if INDEX in cell.metadata}
    return replace(result, cells={now[index]: ran for index, ran in result.cells.items() if index in now})
