"""autograde, second part: the engine in the place of nbgrader's Execute."""

from __future__ import annotations

import atexit
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Dict, Enum, Unicode
from traitlets.log import get_logger

from autograder.exercise import nbgrader_info
from autograder.isolation import AUTO, CHOICES, choose
from autograder.nbgrader.place import changed, course_folder, exercise_at, exercise_path
from autograder.submission import submission_from_notebook

if TYPE_CHECKING:
    from autograder.grading import Grader, Marked
    from autograder.results import StepResult

REGRADE = "This is a fault of the autograder, not of the submission: grade it again."


class MarkByEngine(NbGraderPreprocessor):
    """Give every check cell the output that nbgrader reads as its score.

    nbgrader fails open: a check cell without output earns full marks. So every check cell gets exactly one
    result, a finite float within its points, and where the engine itself fails that float is 0 with a
    sentence that asks for a re-grade.
    """

    secret = Unicode("course-secret", help="The file that hidden cases are drawn from; made on first use.").tag(
        config=True
    )
    credit = Dict({}, help="The part of a step's points for a verdict, where it is not the usual.").tag(config=True)

    isolation = Enum(CHOICES, AUTO, help="How far student code is set apart: auto, bubblewrap or process.").tag(
        config=True
    )
    limits = Dict({}, help="What one submission may use, where it is not the usual; see autograder/limits.py.").tag(
        config=True
    )

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Mark one notebook and write the outputs into it."""
        student = resources["nbgrader"]["student"]
        try:
            path = exercise_path(self, resources).absolute()
            grader = _grader(path, course_folder(self), changed(path.parent))
            marked = grader.grade(student, lambda: submission_from_notebook(nb, grader.exercise))
            write_outputs(nb, marked)
            if marked.result.error is not None:
                self.log.warning("%s: %s", student, marked.result.error)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
            _write_failure(nb, reason)
            self.log.error("%s is not marked and has 0 for now: %s; mend it, then autograde --force", student, reason)
        return nb, resources


@functools.lru_cache(maxsize=4)
def _grader(path: Path, course: Path, changed: int) -> Grader:
    """One warm grader for each exercise. `changed` is part of its name: formgrader outlives a mended exercise."""
    from autograder.sandbox import begun
    from autograder.secret import read_or_create
    from autograder.settings import load_config, settings_from_config
    from autograder.store import CASES, FOLDER

    settings = settings_from_config(load_config(course), course)
    secret, new = read_or_create(settings.secret)
    if new:
        get_logger().warning("%s is new: hidden cases are drawn from it; back it up", settings.secret)
    isolation = choose(settings.isolation)
    if isolation.warning is not None:
        get_logger().warning("%s", isolation.warning)
    exercise = exercise_at(path)
    sandboxes = begun(exercise, 1, settings.limits, isolation.degree)
    from autograder.grading import Grader  # imports torch, as the sandbox does at the same time

    grader = Grader(exercise, secret, settings.credit, kept=course / FOLDER / CASES, sandboxes=sandboxes)
    atexit.register(grader.close)
    return grader


def write_outputs(nb: Any, marked: Marked) -> None:
    """Give every code cell of a restored notebook its output: what it printed, and check cells their scores."""
    results = {step.check: step for step in marked.result.steps}
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code":
            continue
        cell.outputs = []
        if _is_check(cell):
            step = results.get(str(nbgrader_info(cell).get("grade_id")))
            points = float(nbgrader_info(cell)["points"])
            if step is None:
                _set_score(cell, 0.0, f"not marked: {marked.result.error or REGRADE}")
            elif not _is_score(step.points, points):
                found = f"the engine's score is {step.points!r}, not a number from 0 to {points:g}"
                _set_score(cell, 0.0, f"not marked: {found}\n{REGRADE}")
            else:
                _set_score(cell, step.points, report(step))
        elif index in marked.cells:
            ran = marked.cells[index]
            if ran.text:
                cell.outputs.append(_stream(ran.text))
            if ran.error is not None:
                name, _, message = ran.error.partition(": ")
                cell.outputs.append(_output("error", ename=name, evalue=message, traceback=[ran.error]))


def _write_failure(nb: Any, reason: str) -> None:
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            if _is_check(cell):
                _set_score(cell, 0.0, f"not marked: {reason}\n{REGRADE}")


def _is_check(cell: Any) -> bool:
    """Whether the engine gives this cell its score; a graded answer of the student's own is for a person to read."""
    info = nbgrader_info(cell)
    return bool(info.get("grade")) and not info.get("solution")


def report(step: StepResult) -> str:
    """What the student reads under a check cell: the cmp line, the verdict and the points, then the reason."""
    lines = [step.comparison.line(step.label), f"verdict: {step.verdict.value}, {step.points:g} of {step.max_points:g}"]
    if step.error is not None:
        lines.append(step.error)
    if step.hint is not None:
        lines.append(step.hint)
    return "\n".join(lines)


def _is_score(score: object, points: float) -> bool:
    # The last comparison is what keeps NaN out.
    return isinstance(score, int | float) and not isinstance(score, bool) and 0 <= score <= points


def _set_score(cell: Any, score: float, text: str) -> None:
    result = _output("execute_result", data={"text/plain": repr(float(score))}, metadata={}, execution_count=None)
    cell.outputs = [_stream(text + "\n"), result]


def _stream(text: str) -> NotebookNode:
    return _output("stream", name="stdout", text=text)


def _output(kind: str, **fields: Any) -> NotebookNode:
    """As nbformat.v4.new_output, without validating each one: the whole notebook is when it is written."""
    return nbformat.from_dict({"output_type": kind, **fields})
