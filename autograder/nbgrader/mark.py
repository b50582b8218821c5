"""Mark notebooks in the second part of `nbgrader autograde`: the engine replaces nbgrader's Execute."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import Execute, IgnorePattern, NbGraderPreprocessor

from autograder.course.settings import Settings, SettingTraits
from autograder.exercise.notebook import OrdinaryError, nbgrader_info
from autograder.marking.result import REGRADE, StepResult, SubmissionResult
from autograder.nbgrader.ahead import AHEAD, Job
from autograder.nbgrader.gradebook import ORDINARY, VERDICT
from autograder.nbgrader.warm import WARM

INDEX = "dojo_index"  # in a cell's metadata: its index in the submission, while its notebook is restored


class NotMarkedError(RuntimeError):
    """The engine could not mark a submission; the message says why. Nothing may be recorded for it."""


class MarkByEngine(NbGraderPreprocessor, SettingTraits):
    """Gives every check cell the output that nbgrader reads as its score.

    nbgrader fails open: a check cell without output earns full marks. So every check cell gets exactly one result, a
    finite float within its points. Where the engine itself fails there is no mark: NotMarkedError stops nbgrader before
    it records anything, so that an old mark stays and a 0 is never ours.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Mark one notebook and write the outputs into it; one of nbgrader's own kind is run as nbgrader does it.

        The submitted file is what is marked, as by `autograder grade`, and what that has graded is taken from it.
        """
        student = resources["nbgrader"]["student"]
        try:
            path, folder = exercise_path(self, resources).absolute(), course_folder(self)
            settings = self.settings(folder)
            submitted = submitted_path(self, resources).absolute()
            cache = WARM.cache(path, folder, settings, resources["nbgrader"]["assignment"])
            key = cache.key(submitted)
            kept = None if _forced(self) else cache.whole(student, key)
            if kept is not None:
                write_outputs(nb, moved(kept.result, nb))
                return nb, resources
            result = AHEAD.result(Job(WARM.grader(path, folder, settings), student, submitted, key))
            self._begin_next(path.parent, folder, settings, submitted, resources["nbgrader"]["assignment"])
            if result.fault:
                raise NotMarkedError(result.error)
            write_outputs(nb, moved(result, nb))
            cache.put(result, key, recorded=False)  # only what can be a mark
        except OrdinaryError:
            return self._as_nbgrader(nb, resources)
        except Exception as error:
            reason = str(error) if isinstance(error, NotMarkedError) else f"{type(error).__name__}: {error}; {REGRADE}"
            raise NotMarkedError(f"{student} has no new mark: {reason}") from error
        return nb, resources

    def _begin_next(self, exercises: Path, folder: Path, settings: Settings, submitted: Path, assignment: str) -> None:
        """Begin to grade what comes after a submission, where its grader is open and its result is not kept."""
        path = AHEAD.after(submitted)
        grader = None if path is None else WARM.opened(exercises / path.name, folder, settings)
        if path is None or grader is None:
            return
        student, cache = path.parts[-3], WARM.cache(exercises / path.name, folder, settings, assignment)
        key = cache.key(path)
        if _forced(self) or cache.whole(student, key) is None:
            AHEAD.begin(Job(grader, student, path, key))

    def _as_nbgrader(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        resources["nbgrader"][ORDINARY] = True
        for step in (Execute, IgnorePattern):
            nb, resources = step(parent=self.parent).preprocess(nb, resources)
        return nb, resources


def _forced(preprocessor: Any) -> bool:
    """Return whether nbgrader was told to process everything: its converter owns the exporter, which owns the step."""
    converter = getattr(getattr(preprocessor, "parent", None), "parent", None)
    return bool(getattr(converter, "force", False))


def moved(result: SubmissionResult, notebook: Any) -> SubmissionResult:
    """Return the result with the cell indices that its cells have after restoring, and take INDEX from the cells."""
    now = {cell.metadata.pop(INDEX): index for index, cell in enumerate(notebook.cells) if INDEX in cell.metadata}
    return replace(result, cells={now[index]: ran for index, ran in result.cells.items() if index in now})


def number_cells(notebook: Any) -> None:
    """Write into each cell's metadata its index in the submission, for `moved`."""
    for index, cell in enumerate(notebook.cells):
        cell.metadata[INDEX] = index


def submitted_path(preprocessor: Any, resources: Any) -> Path:
    """Return the path of the submitted notebook for the notebook that `preprocessor` works on."""
    course = CourseDirectory(parent=preprocessor)
    info = resources["nbgrader"]
    folder = course.format_path(course.submitted_directory, info["student"], info["assignment"])
    return Path(folder) / f"{info['notebook']}.ipynb"


def exercise_path(preprocessor: Any, resources: Any) -> Path:
    """Return the path of the solution notebook for the notebook that `preprocessor` works on."""
    course = CourseDirectory(parent=preprocessor)
    info = resources["nbgrader"]
    folder = course.format_path(course.source_directory, ".", info["assignment"])
    return Path(folder) / f"{info['notebook']}.ipynb"


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
            elif not _is_score(step.points, points + step.bonus):
                found = f"the engine's score is {step.points!r}, not a number from 0 to {points + step.bonus:g}"
                raise NotMarkedError(f"{found}; {REGRADE}")
            else:
                _set_score(cell, min(step.points, points), report(step), step.verdict.value)
                if step.bonus:
                    cell.metadata[VERDICT]["bonus"] = step.points
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
    most = f"{step.bonus:g} as a bonus" if step.bonus else f"{step.max_points:g}"
    lines = [step.comparison.line(step.label), f"verdict: {step.verdict.value}, {step.points:g} of {most}"]
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
