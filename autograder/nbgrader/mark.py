"""Mark notebooks in the second part of `nbgrader autograde`: the engine replaces nbgrader's Execute."""

from __future__ import annotations

import atexit
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute, IgnorePattern, NbGraderPreprocessor
from traitlets.log import get_logger

from autograder.course.open_grader import open_course, open_grader
from autograder.course.settings import Settings, SettingTraits
from autograder.exercise.notebook import Exercise, OrdinaryError, files_of, nbgrader_info, read_exercise
from autograder.marking.result import REGRADE, StepResult, SubmissionResult
from autograder.nbgrader.gradebook import ORDINARY
from autograder.submission.file import UnreadableError
from autograder.submission.notebook import Submission, submission_from_notebook, with_modules

if TYPE_CHECKING:
    from autograder.marking.grader import Grader

UNREADABLE = "dojo_unreadable"  # in a notebook's metadata: why the submitted file is none
VERDICT = "dojo"  # in a check cell's metadata: {"verdict": ...}, which the feedback page shows
MAX_WARM = 4  # exercises of an assignment that keep their warm grader


class NotMarkedError(RuntimeError):
    """The engine could not mark a submission; the message says why. Nothing may be recorded for it."""


class MarkByEngine(NbGraderPreprocessor, SettingTraits):
    """Gives every check cell the output that nbgrader reads as its score.

    nbgrader fails open: a check cell without output earns full marks. So every check cell gets exactly one result, a
    finite float within its points. Where the engine itself fails there is no mark: NotMarkedError stops nbgrader before
    it records anything, so that an old mark stays and a 0 is never ours.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Mark one notebook and write the outputs into it; one of nbgrader's own kind is run as nbgrader does it."""
        student = resources["nbgrader"]["student"]
        try:
            path = exercise_path(self, resources).absolute()
            folder = course_folder(self)
            grader = WARM.grader(path, folder, self.settings(folder))
            result = grader.grade(student, lambda: _submission(nb, resources, grader.exercise))
            if result.fault:
                raise NotMarkedError(result.error)
            write_outputs(nb, result)
        except OrdinaryError:
            return self._as_nbgrader(nb, resources)
        except Exception as error:
            reason = str(error) if isinstance(error, NotMarkedError) else f"{type(error).__name__}: {error}; {REGRADE}"
            raise NotMarkedError(f"{student} has no new mark: {reason}") from error
        if result.error is not None:
            self.log.warning("%s: %s", student, result.error)
        return nb, resources

    def _as_nbgrader(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        resources["nbgrader"][ORDINARY] = True
        for step in (Execute, IgnorePattern):
            nb, resources = step(parent=self.parent).preprocess(nb, resources)
        return nb, resources


def _submission(nb: Any, resources: Any, exercise: Exercise) -> Submission:
    """The submission in an autograded notebook, with the modules beside it. Raises UnreadableError where it is none."""
    if UNREADABLE in nb.metadata:
        raise UnreadableError(nb.metadata[UNREADABLE])
    submission = submission_from_notebook(nb, exercise)
    folder = resources.get("metadata", {}).get("path")
    return submission if folder is None else with_modules(submission, Path(folder), exercise)


class WarmGraders:
    """The warm graders of this process, one for each exercise. formgrader is a process that outlives many of them.

    A grader is closed as soon as its exercise or settings have changed, or MAX_WARM others were used after it.
    """

    def __init__(self) -> None:
        self._graders: dict[Path, tuple[object, Grader]] = {}

    def grader(self, path: Path, folder: Path, settings: Settings) -> Grader:
        """Return the grader of the exercise at `path`, of the course in `folder`. Raises what open_grader raises."""
        key = (changed(path.parent), folder, settings)
        if path in self._graders and self._graders[path][0] != key:
            self._close(path)
        if path not in self._graders:
            while len(self._graders) >= MAX_WARM:
                self._close(next(iter(self._graders)))
            course = open_course(settings, folder)
            for warning in course.warnings:
                get_logger().warning("%s", warning)
            self._graders[path] = key, open_grader(course, exercise_at(path))
        # Put it at the end: the one used last is closed last.
        self._graders[path] = self._graders.pop(path)
        return self._graders[path][1]

    def close(self) -> None:
        """Close all graders, which ends their processes."""
        for path in list(self._graders):
            self._close(path)

    def _close(self, path: Path) -> None:
        self._graders.pop(path)[1].close()


WARM = WarmGraders()
atexit.register(WARM.close)


def exercise_path(preprocessor: Any, resources: Any) -> Path:
    """Return the path of the solution notebook for the notebook that `preprocessor` works on."""
    course = CourseDirectory(parent=preprocessor)
    info = resources["nbgrader"]
    folder = course.format_path(course.source_directory, ".", info["assignment"])
    return Path(folder) / f"{info['notebook']}.ipynb"


def exercise_at(path: Path) -> Exercise:
    """Return the exercise at `path`; it is read again only when it has changed. Raises ExerciseError, OSError."""
    return _read(path, changed(path.parent))


@functools.lru_cache(maxsize=8)
def _read(path: Path, changed: int) -> Exercise:
    """Read an exercise. changed: when it was last written, as part of the cache's key."""
    return read_exercise(path)


def changed(folder: Path) -> int:
    """Return when any file of an exercise's folder was last written, in nanoseconds; 0 where there is none."""
    return max((file.stat().st_mtime_ns for file in files_of(folder)), default=0)


def course_folder(preprocessor: Any) -> Path:
    """Return the course folder, which has nbgrader_config.py."""
    return Path(CourseDirectory(parent=preprocessor).root)


def write_outputs(nb: Any, result: SubmissionResult) -> None:
    """Give every code cell of a restored notebook its output: what it printed, and check cells their scores.

    Raises NotMarkedError where the engine has no score for a check cell, or one that is none.
    """
    results = {step.check: step for step in result.steps}
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code":
            continue
        cell.outputs = []
        if _is_check(cell):
            step = results.get(str(nbgrader_info(cell).get("grade_id")))
            points = float(nbgrader_info(cell)["points"])
            if step is None and result.steps:
                raise NotMarkedError(f"the engine has no score for {nbgrader_info(cell).get('grade_id')}; {REGRADE}")
            if step is None:
                _set_score(cell, 0.0, f"not marked: {result.error}")
            elif not _is_score(step.points, points):
                found = f"the engine's score is {step.points!r}, not a number from 0 to {points:g}"
                raise NotMarkedError(f"{found}; {REGRADE}")
            else:
                _set_score(cell, step.points, report(step), step.verdict.value)
        elif index in result.cells:
            ran = result.cells[index]
            if ran.text:
                cell.outputs.append(_stream(ran.text))
            if ran.error is not None:
                name, _, message = ran.error.partition(": ")
                cell.outputs.append(_output("error", ename=name, evalue=message, traceback=[ran.error]))


def _is_check(cell: Any) -> bool:
    """Return whether the engine scores this cell; a graded answer in the student's words is for a person to read."""
    info = nbgrader_info(cell)
    return bool(info.get("grade")) and not info.get("solution") and not info.get("task")


def report(step: StepResult) -> str:
    """Return the text under a check cell: the cmp line, the verdict and the points, then the reason."""
    lines = [step.comparison.line(step.label), f"verdict: {step.verdict.value}, {step.points:g} of {step.max_points:g}"]
    if step.error is not None:
        lines.append(step.error)
    if step.hint is not None:
        lines.append(step.hint)
    return "\n".join(lines)


def _is_score(score: object, points: float) -> bool:
    # The last comparison excludes NaN.
    return isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= points


def _set_score(cell: Any, score: float, text: str, verdict: str = "not marked") -> None:
    result = _output("execute_result", data={"text/plain": repr(float(score))}, metadata={}, execution_count=None)
    cell.outputs = [_stream(text + "\n"), result]
    cell.metadata[VERDICT] = {"verdict": verdict}


def _stream(text: str) -> NotebookNode:
    return _output("stream", name="stdout", text=text)


def _output(kind: str, **fields: Any) -> NotebookNode:
    """Make an output as nbformat.v4.new_output does, but do not validate it: nbgrader validates the whole notebook."""
    return nbformat.from_dict({"output_type": kind, **fields})
