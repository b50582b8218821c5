"""`nbgrader autograde` that reads submissions as `autograder grade` does, and that nothing in one of them stops.

nbgrader names its converter, and what that does with the files beside a notebook, in code. So this module, which the
configuration names (c.Autograde.exporter_class), puts other steps in their place once it is imported.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.autograde import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.course.folder import unusable_name
from autograder.exercise.notebook import ExerciseError, OrdinaryError
from autograder.nbgrader.gradebook import Recorder
from autograder.nbgrader.mark import UNREADABLE, WARM, MarkByEngine, exercise_at, exercise_path
from autograder.nbgrader.submitted import copy_beside, copy_exercise_files, digest, submitted_at
from autograder.submission.file import UnreadableError, read_notebook
from autograder.text import one_line

_BEING_MARKED: set[Path] = set()  # folders
SUBMITTED = "dojo_submitted"  # in an autograded notebook's metadata: a digest of the file that it was made from


class SubmissionExporter(NotebookExporter):
    """Reads a submitted notebook mended; one that is none becomes a page that says so."""

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        """Convert one file. Never raises for what is in it, where it belongs to an exercise."""
        path = Path(filename)
        made_from = ""
        try:
            if _is_ours(path):
                notebook = nbformat.read(path, as_version=4)
            else:
                made_from = digest(path)
                notebook = read_notebook(path)
        except UnreadableError as error:
            if _ordinary(self, resources):
                raise NbGraderException(str(error)) from None
            notebook = nbformat.v4.new_notebook(metadata={UNREADABLE: str(error)})
        if made_from:
            notebook.metadata[SUBMITTED] = made_from
        resources = (resources or {}) | {"metadata": {"name": path.stem, "path": str(path.parent)}}
        converted: tuple[str, Any] = self.from_notebook_node(notebook, resources=resources, **kw)
        return converted


def _is_ours(path: Path) -> bool:
    """Whether the file is one that the first half of autograding has just written: only those may hold our marks."""
    return path.parent in _BEING_MARKED


def _ordinary(owner: Any, resources: Any) -> bool:
    try:
        exercise_at(exercise_path(owner, resources))
    except OrdinaryError:
        return True
    except (ExerciseError, OSError):
        pass
    return False


def _init_notebooks(self: Any) -> None:
    """Leave out the folders that can be no student's: nbgrader ends the whole run at a name with a line end."""
    _THEIRS["init_notebooks"](self)
    for folder in list(self.assignments):
        student = Path(folder).parts[-2]
        reason = unusable_name(student)
        if reason is not None:
            del self.assignments[folder]
            self.log.error("%s: %s; it is left out", one_line(student), reason)


def _init_destination(self: Any, assignment_id: str, student_id: str) -> bool:
    """Process also a submission whose files are others than those that were graded, whatever its timestamp."""
    wanted: bool = _THEIRS["init_destination"](self, assignment_id, student_id)
    excluded = (self.coursedir.student_id_exclude or "").split(",")
    if wanted or student_id in excluded:
        return wanted
    target = Path(self._format_dest(assignment_id, student_id))
    if all(_graded_from(target / Path(path).name) in ("", digest(Path(path))) for path in self.notebooks):
        return False
    self.log.warning("Updating existing assignment, whose files have changed: %s", target)
    for path in self.notebooks:
        (target / Path(path).name).unlink(missing_ok=True)
    return True


def _graded_from(autograded: Path) -> str:
    try:
        return str(nbformat.read(autograded, as_version=4).metadata.get(SUBMITTED, ""))
    except Exception:  # not there, or not ours: nbgrader decides
        return ""


def _init_assignment(self: Any, assignment_id: str, student_id: str) -> None:
    """Lay out the files beside the notebooks and the rows in the gradebook, as nbgrader does.

    Other than nbgrader's: a file that cannot be copied is left out, a time that is none is none, notebooks of the
    gradebook that are not in the submission do not matter to the others, and a fault of ours is met before there is a
    row that could be taken for a mark.
    """
    source, target = (Path(part(assignment_id, student_id)) for part in (self._format_source, self._format_dest))
    exercises = Path(self.coursedir.format_path(self.coursedir.source_directory, ".", assignment_id))
    ready(self, [exercises / Path(path).name for path in self.notebooks])

    def ignored(path: Path) -> bool:
        return any(fnmatch(path.name, pattern) for pattern in self.coursedir.ignore)

    target.mkdir(parents=True, exist_ok=True)
    copy_beside(source, target, ignored, self.log.warning, active=False)
    kept = {exercises / name for name in self.exclude_overwriting.get(assignment_id, [])}
    copy_exercise_files(exercises, target, lambda path: path in kept or ignored(path))
    with Gradebook(self.coursedir.db_url, self.coursedir.course_id) as gradebook:
        try:
            if self.create_student:
                gradebook.update_or_create_student(student_id)
            else:
                gradebook.find_student(student_id)
            assignment = gradebook.find_assignment(assignment_id)
        except MissingEntry as error:
            raise NbGraderException(f"{error}; add it to the gradebook, or rename the folder") from None
        when = submitted_at(source, self.log.warning)
        gradebook.update_or_create_submission(
            assignment_id, student_id, **({} if when is None else {"timestamp": when})
        )
        names = {notebook.name for notebook in assignment.notebooks}
    for path in self.notebooks:
        if Path(path).stem not in names:
            self.log.warning("Skipping unknown notebook: %s", path)
    self.notebooks = [path for path in self.notebooks if Path(path).stem in names]
    with Recorder(self.coursedir.db_url) as recorder:
        for name in sorted(names - {Path(path).stem for path in self.notebooks}):
            self.log.warning("No submitted file: %s", source / f"{name}.ipynb")
            recorder.record_missing(student_id, assignment_id, name)


def ready(converter: Any, paths: list[Path]) -> None:
    """Open the graders of these exercises. Raises what opening one raises, OrdinaryError excepted."""
    settings = MarkByEngine(parent=converter).settings(Path(converter.coursedir.root))
    for path in paths:
        if path.is_file():
            try:
                WARM.grader(path.absolute(), Path(converter.coursedir.root), settings)
            except OrdinaryError:
                continue


def _convert_single_notebook(self: Any, notebook_filename: str) -> None:
    student, assignment, _ = Path(notebook_filename).parts[-3:]
    target = Path(self._format_dest(assignment, student))
    _BEING_MARKED.add(target)
    try:
        _THEIRS["convert_single_notebook"](self, notebook_filename)
    finally:
        _BEING_MARKED.discard(target)


def _existing_timestamp(self: CourseDirectory, dest_path: str) -> Any:
    return submitted_at(Path(dest_path), self.log.warning)


_THEIRS = {name: getattr(Autograde, name) for name in ("init_notebooks", "init_destination", "convert_single_notebook")}
Autograde.init_notebooks = _init_notebooks
Autograde.init_destination = _init_destination
Autograde.init_assignment = _init_assignment
Autograde.convert_single_notebook = _convert_single_notebook
CourseDirectory.get_existing_timestamp = _existing_timestamp
