"""Write autograded notebooks and the gradebook for `grade --gradebook`, just as nbgrader autograde leaves them."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nbformat
from nbgrader import utils
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties, LimitOutput
from traitlets.config import Config

from autograder.exercise.notebook import Exercise
from autograder.files import write_whole
from autograder.marking.result import SubmissionResult
from autograder.nbgrader.gradebook import Recorder
from autograder.nbgrader.mark import write_outputs
from autograder.nbgrader.restore import restore

READ_ONLY = 0o444
INDEX = "dojo_index"  # metadata key: the cell's index in the submission, while its notebook is restored


class DirectGradebook:
    """Writes one submission after another into the gradebook. A context manager.

    config: the course's nbgrader configuration. Raises GradebookError where the gradebook cannot be opened.
    """

    def __init__(self, config: Config, assignment: str) -> None:
        self._course = CourseDirectory(config=config)
        self._assignment = assignment
        self._recorder = Recorder(self._course.db_url)
        self._limit = LimitOutput(config=config)
        self._late = AssignLatePenalties(config=config)
        self._source = Path(self._course.format_path(self._course.source_directory, ".", assignment))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._recorder.__exit__(kind, error, tb)

    def check(self, exercise: Exercise) -> None:
        """Raise CourseError where the gradebook does not know the exercise."""
        self._recorder.released(self._assignment, exercise.name)

    def there(self, student: str, exercise: Exercise) -> bool:
        """Return whether the student's autograded notebook is there."""
        return self._target(student, exercise).exists()

    def write(self, student: str, exercise: Exercise, submitted: Path, result: SubmissionResult) -> None:
        """Write the autograded notebook, then the gradebook. Raises OSError, GradebookError."""
        released = self._recorder.released(self._assignment, exercise.name)
        notebook = nbformat.read(submitted, as_version=4) if result.steps else None
        if notebook is None:
            # The student's notebook cannot be shown: make one of check cells that say why there is no mark.
            notebook = nbformat.v4.new_notebook()
        for index, cell in enumerate(notebook.cells):
            cell.metadata[INDEX] = index
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        restore(notebook, exercise, released.checksums)
        if released.kernelspec:
            notebook.metadata["kernelspec"] = json.loads(released.kernelspec)
        write_outputs(notebook, _moved(result, notebook))
        notebook, _ = self._limit.preprocess(notebook, {})
        target = self._target(student, exercise)
        self._copy_others(submitted.parent, target.parent)
        # nbformat.writes would validate once more, copy everything and indent: a third of the time spent here.
        write_whole(target, json.dumps(notebook, ensure_ascii=False), READ_ONLY)
        timestamp = self._course.get_existing_timestamp(str(submitted.parent))
        row = self._recorder.record(student, self._assignment, exercise.name, notebook, timestamp)
        if row.assignment.total_seconds_late > 0 or row.late_submission_penalty:
            info = {"student": student, "assignment": self._assignment, "notebook": exercise.name}
            self._late.preprocess(notebook, {"nbgrader": info | {"db_url": self._course.db_url}})

    def _target(self, student: str, exercise: Exercise) -> Path:
        folder = self._course.format_path(self._course.autograded_directory, student, self._assignment)
        return Path(folder) / f"{exercise.name}.ipynb"

    def _copy_others(self, submitted: Path, target: Path) -> None:
        """Copy the files beside the notebooks: first the student's, then over them the exercise's own."""
        target.mkdir(parents=True, exist_ok=True)
        ignored = [*self._course.ignore, "*.ipynb"]
        for source in (submitted, self._source):
            for name in utils.find_all_files(str(source), ignored):
                path = Path(name)
                if not path.is_file() or (source == submitted and path.is_symlink()):
                    continue
                copy = target / path.relative_to(source)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.unlink(missing_ok=True)
                shutil.copy(path, copy)
                copy.chmod(READ_ONLY)


def _moved(result: SubmissionResult, notebook: Any) -> SubmissionResult:
    """Return the result with the cell indices that its cells have after restoring."""
    now = {cell.metadata.pop(INDEX): index for index, cell in enumerate(notebook.cells) if INDEX in cell.metadata}
    return replace(result, cells={now[index]: ran for index, ran in result.cells.items() if index in now})
