"""Write autograded notebooks and the gradebook for `grade --gradebook`, just as nbgrader autograde leaves them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from fnmatch import fnmatch
from pathlib import Path
from types import TracebackType
from typing import Self

import nbformat
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import LimitOutput
from traitlets.config import Config
from traitlets.log import get_logger

from autograder.exercise.notebook import Exercise
from autograder.files import private_folder, write_whole
from autograder.marking.result import Late, SubmissionResult
from autograder.nbgrader.gradebook import Recorder
from autograder.nbgrader.late import late_plugin
from autograder.nbgrader.mark import moved, number_cells, write_outputs
from autograder.nbgrader.private import seal
from autograder.nbgrader.restore import restore
from autograder.nbgrader.sanitize import make_inert
from autograder.nbgrader.submitted import copy_beside, copy_exercise_files, submitted_at
from autograder.submission.file import read_notebook

READ_ONLY = 0o444


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
        self._late = late_plugin(config)
        self._source = Path(self._course.format_path(self._course.source_directory, ".", assignment))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._recorder.__exit__(kind, error, tb)

    def check(self, exercise: Exercise) -> None:
        """Raise CourseError where the gradebook does not know the exercise as it is."""
        self._recorder.check(self._assignment, exercise)

    def holds(self, student: str, exercise: Exercise, submitted: Path, result: SubmissionResult) -> bool:
        """Return whether this result of this file is in the gradebook, with the autograded notebook."""
        points = {step.check: 0.0 for step in exercise.steps} | {step.check: step.points for step in result.steps}
        there = self._target(student, exercise).exists()
        return there and self._recorder.holds(student, self._assignment, exercise.name, points)

    def write(self, student: str, exercise: Exercise, submitted: Path, result: SubmissionResult) -> None:
        """Write the autograded notebook, then the gradebook. Raises OSError, GradebookError, UnrecordedError."""
        released = self._recorder.released(self._assignment, exercise.name)
        self._recorder.require(student)
        # Nothing to show of the student's: a page of check cells that say why there is no mark.
        notebook = read_notebook(submitted) if result.steps else nbformat.v4.new_notebook()
        number_cells(notebook)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        restore(notebook, exercise, released.checksums)
        if released.kernelspec:
            notebook.metadata["kernelspec"] = json.loads(released.kernelspec)
        write_outputs(notebook, moved(result, notebook))
        notebook, _ = self._limit.preprocess(notebook, {})
        make_inert(notebook)
        target = self._target(student, exercise)
        self._copy_others(submitted.parent, target.parent)
        # nbformat.writes would validate once more, copy everything and indent: a third of the time spent here.
        write_whole(target, json.dumps(notebook, ensure_ascii=False), READ_ONLY)
        timestamp = submitted_at(submitted.parent)
        self._recorder.record(student, self._assignment, exercise.name, notebook, timestamp)

    def extend(self, student: str, time: timedelta) -> datetime | None:
        """Give a student more time; return the new due date, None where the assignment has none.

        Raises CourseError, GradebookError.
        """
        return self._recorder.extend(student, self._assignment, time)

    def finish(self) -> tuple[Mapping[str, Late], Sequence[str]]:
        """Bring all penalties for being late up to date: due dates, extensions and times may have been changed.

        Return (who is late, by student; a sentence for each whose penalty could not be set). Raises GradebookError.
        """
        return self._recorder.penalise(self._assignment, self._late, self._submitted)

    def students(self) -> list[str]:
        """Return everybody whom the gradebook knows. Raises GradebookError."""
        return self._recorder.students()

    def _submitted(self, student: str) -> Path:
        return Path(self._course.format_path(self._course.submitted_directory, student, self._assignment))

    def _target(self, student: str, exercise: Exercise) -> Path:
        folder = self._course.format_path(self._course.autograded_directory, student, self._assignment)
        return Path(folder) / f"{exercise.name}.ipynb"

    def _copy_others(self, submitted: Path, target: Path) -> None:
        """Copy what lies beside the notebooks: the student's files, and over them the exercise's own."""
        private_folder(target)
        note = get_logger().warning
        copy_beside(submitted, target, self._ignored, note, active=False, mode=READ_ONLY)
        copy_exercise_files(self._source, target, self._ignored, READ_ONLY)

    def _ignored(self, path: Path) -> bool:
        return any(fnmatch(path.name, pattern) for pattern in self._course.ignore)
