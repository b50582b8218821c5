"""`nbgrader autograde` that reads submissions as `autograder grade` does, and that nothing in one of them stops.

nbgrader names its converter, and what that does with the files beside a notebook, in code. So this module, which the
configuration names (c.Autograde.exporter_class), puts other steps in their place once it is imported.
"""

from __future__ import annotations

import json
from contextlib import suppress
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters.autograde import Autograde
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory

from autograder.course.folder import CourseError, GradebookError, unusable_name
from autograder.course.register import absent_students, said_of_absent
from autograder.course.settings import SettingsError
from autograder.exercise.notebook import ExerciseError, OrdinaryError
from autograder.nbgrader.ahead import AHEAD
from autograder.nbgrader.gradebook import Recorder, RecordMarks
from autograder.nbgrader.kept import SUBMITTED, is_marked, kept_results, ready, say_why
from autograder.nbgrader.late import late_plugin
from autograder.nbgrader.mark import exercise_path, number_cells
from autograder.nbgrader.quiet import quiet, said_of
from autograder.nbgrader.register import marks_given
from autograder.nbgrader.replaced import replaced
from autograder.nbgrader.submitted import copy_beside, copy_exercise_files, digest, submitted_at
from autograder.nbgrader.warm import exercise_at
from autograder.submission.file import UnreadableError, read_notebook
from autograder.text import one_line

_BEING_MARKED: set[Path] = set()  # folders


class SubmissionExporter(NotebookExporter):
    """Reads a submitted notebook mended; one that is none becomes a page that says so."""

    _restored: tuple[object, Any] | None = None  # whose the first half of autograding has made last, and the notebook

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> tuple[str, Any]:
        """Convert one file. Never raises for what is in it, where it belongs to an exercise.

        The second half of autograding takes the notebook as the first has left it, without reading it again.
        """
        path, info = Path(filename), (resources or {}).get("nbgrader")
        ours, restored, self._restored = _is_ours(path), self._restored, None
        if ours and restored is not None and restored[0] == info:
            notebook = restored[1]
        elif ours:
            notebook = nbformat.read(path, as_version=4)
        else:
            notebook = self._submitted(path, resources)
        resources = (resources or {}) | {"metadata": {"name": path.stem, "path": str(path.parent)}}
        notebook, resources = self._preprocess(notebook, self._init_resources(resources))
        if ours:
            return f"{nbformat.writes(notebook).rstrip()}\n", resources
        self._restored = (info, notebook)
        return json.dumps(notebook), resources  # the second half takes its place; without a layout it is sooner written

    def _submitted(self, path: Path, resources: Any) -> Any:
        try:
            made_from = digest(path)
            notebook = read_notebook(path)
            number_cells(notebook)
        except UnreadableError as error:
            if _ordinary(self, resources):
                raise NbGraderException(str(error)) from None
            notebook = nbformat.v4.new_notebook()
        if made_from:
            notebook.metadata[SUBMITTED] = made_from
        return notebook

    def _preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Run the preprocessors. The notebook is validated before its marks are recorded and at the end.

        nbconvert copies it thrice, for others who may have it, and here nobody has it, and validates it behind each of
        eight: that took a tenth of the time of autograding.
        """
        for preprocessor in self._preprocessors:
            if isinstance(preprocessor, RecordMarks):
                self._validate_preprocessor(nb, "those before its marks are recorded")
            nb, resources = preprocessor(nb, resources)
        self._validate_preprocessor(nb, "all of them")
        return nb, resources


def _is_ours(path: Path) -> bool:
    """Return whether the first half of autograding has just written the file: only such a one may hold our marks."""
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
    """Process also a submission whose marks are not of what is there now, whatever its timestamp."""
    wanted: bool = _THEIRS["init_destination"](self, assignment_id, student_id)
    excluded = (self.coursedir.student_id_exclude or "").split(",")
    if wanted or student_id in excluded:
        return wanted
    target = Path(self._format_dest(assignment_id, student_id))
    stale = [
        path
        for path in map(Path, self.notebooks)
        if not is_marked(self, assignment_id, student_id, path, self.dojo_given)
    ]
    for path in stale:
        (target / path.name).unlink(missing_ok=True)
    return bool(stale)


def _init_assignment(self: Any, assignment_id: str, student_id: str) -> None:
    """Lay out the files beside the notebooks and the rows in the gradebook, as nbgrader does.

    Other than nbgrader's: a file that cannot be copied is left out, a time that is none is none, notebooks of the
    gradebook that are not in the submission do not matter to the others, and a fault of ours is met before there is a
    row that could be taken for a mark.
    """
    source, target = (Path(part(assignment_id, student_id)) for part in (self._format_source, self._format_dest))
    exercises = Path(self.coursedir.format_path(self.coursedir.source_directory, ".", assignment_id))
    paths = map(Path, self.notebooks)
    ready(self, assignment_id, student_id, [path for path in paths if (exercises / path.name).is_file()])

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
        names = self.dojo_notebooks = {notebook.name for notebook in assignment.notebooks}
    for path in self.notebooks:
        if Path(path).stem not in names:
            self.log.warning("Skipping unknown notebook: %s", path)
    self.notebooks = [path for path in self.notebooks if Path(path).stem in names]
    missing = sorted(names - {Path(path).stem for path in self.notebooks})
    if missing:
        with Recorder(self.coursedir.db_url) as recorder:
            for name in missing:
                recorder.record_missing(student_id, assignment_id, name)


def _convert_single_notebook(self: Any, notebook_filename: str) -> None:
    path = Path(notebook_filename)
    student, assignment, _ = path.parts[-3:]
    target = Path(self._format_dest(assignment, student))
    _BEING_MARKED.add(target)
    try:
        _THEIRS["convert_single_notebook"](self, notebook_filename)
        with suppress(OrdinaryError):
            kept_results(self, assignment, path).recorded(student)
    except Exception as error:
        self.log.error("%s", one_line(str(error) or type(error).__name__))
        raise
    finally:
        _BEING_MARKED.discard(target)


def _set_permissions(self: Any, assignment_id: str, student_id: str) -> None:
    """End a student's submission with its line."""
    _THEIRS["set_permissions"](self, assignment_id, student_id)
    said = []
    for path in map(Path, self.notebooks):
        try:
            kept = kept_results(self, assignment_id, path).kept(student_id)
            result = None if kept is None else kept.result
        except OrdinaryError:
            result = None
        said.append(said_of(path.stem, result))
    said += [f"{name} missing" for name in sorted(self.dojo_notebooks - {Path(path).stem for path in self.notebooks})]
    self.log.info("%s: %s", one_line(student_id), "; ".join(said))


def _convert_notebooks(self: Any) -> None:
    """Refuse where an exercise is not as it was released; else mark, and bring the penalties for being late up to date.

    Penalties belong to all submissions, also to those that are skipped: a due date may have been moved since.
    """
    assignment = self.coursedir.assignment_id
    exercises = Path(self.coursedir.format_path(self.coursedir.source_directory, ".", assignment))
    students = {Path(folder).parts[-2] for folder in self.assignments}
    names = {Path(path).name for notebooks in self.assignments.values() for path in notebooks}
    try:
        plugin = late_plugin(self.config)
        self.dojo_given = {Path(n).stem: marks_given(self.config, assignment, Path(n).stem) for n in names}
        with Recorder(self.coursedir.db_url) as recorder:
            for name in sorted(names):
                with suppress(ExerciseError, OSError):  # marking says why; nbgrader's own kind is nbgrader's
                    recorder.check(assignment, exercise_at((exercises / name).absolute()))
    except (CourseError, GradebookError, SettingsError) as error:
        self.log.error("%s", error)
        raise NbGraderException(str(error)) from None
    with quiet(self.log):
        try:
            say_why(self, assignment, sorted(names))
            AHEAD.plan(
                [Path(path).absolute() for _, paths in sorted(self.assignments.items()) for path in sorted(paths)]
            )
            _THEIRS["convert_notebooks"](self)
        finally:
            AHEAD.plan(())
            self.log.info("%s: %d submissions looked at", assignment, len(self.assignments))
            with Recorder(self.coursedir.db_url) as recorder:
                submitted = lambda student: Path(self._format_source(assignment, student))  # noqa: E731
                late, failed = recorder.penalise(assignment, plugin, submitted)
                absent = absent_students(recorder.students(), students, self.coursedir.student_id)
            for student in sorted(late.keys() & students):
                self.log.info("%s: %s", one_line(student), late[student].said())
            if absent:
                self.log.info("%s", said_of_absent(absent))
            for line in failed:
                self.log.error("%s", line)


def _existing_timestamp(self: CourseDirectory, dest_path: str) -> Any:
    ours = self.autograded_directory in Path(dest_path).parts  # a copy, of which all has been said
    return submitted_at(Path(dest_path), (lambda _: None) if ours else self.log.warning)


_THEIRS = replaced(
    Autograde,
    {
        "init_notebooks": _init_notebooks,
        "init_destination": _init_destination,
        "init_assignment": _init_assignment,
        "convert_single_notebook": _convert_single_notebook,
        "set_permissions": _set_permissions,
        "convert_notebooks": _convert_notebooks,
    },
)
CourseDirectory.get_existing_timestamp = _existing_timestamp
