"""autograde, second part: the engine in the place of nbgrader's Execute."""

from __future__ import annotations

import atexit
import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat.v4
from nbgrader.preprocessors import NbGraderPreprocessor
from traitlets import Dict, Unicode
from traitlets.log import get_logger

from autograder.exercise import nbgrader_info, read_exercise
from autograder.nbgrader.place import course_folder, exercise_path
from autograder.submission import submission_from_notebook

if TYPE_CHECKING:
    from autograder.grading import Grader, Marked
    from autograder.results import StepResult


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

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Mark one notebook and write the outputs into it."""
        student = resources["nbgrader"]["student"]
        try:
            grader = _grader(exercise_path(self, resources).absolute(), course_folder(self))
            marked = grader.grade(student, lambda: submission_from_notebook(nb, grader.exercise))
            _write_outputs(nb, marked)
            problem = marked.result.error
        except Exception as error:
            _write_failure(nb, f"{type(error).__name__}: {error}")
            problem = f"{type(error).__name__}: {error}"
        if problem is not None:
            self.log.warning("%s: %s", student, problem)
        return nb, resources


@functools.cache
def _grader(path: Path, course: Path) -> Grader:
    """One warm grader for each exercise for as long as the nbgrader command runs."""
    from autograder.grading import Grader  # imports torch
    from autograder.secret import read_or_create
    from autograder.settings import load_settings

    settings = load_settings(course)
    secret, new = read_or_create(settings.secret)
    if new:
        get_logger().warning("%s is new: hidden cases are drawn from it; back it up", settings.secret)
    grader = Grader(read_exercise(path), secret, settings.credit)
    atexit.register(grader.close)
    return grader


def _write_outputs(nb: Any, marked: Marked) -> None:
    results = {step.check: step for step in marked.result.steps}
    for index, cell in enumerate(nb.cells):
        if cell.cell_type != "code":
            continue
        cell.outputs = []
        if nbgrader_info(cell).get("grade"):
            step = results.get(str(nbgrader_info(cell).get("grade_id")))
            if step is None:
                _set_score(cell, 0.0, f"not marked: {marked.result.error}")
            else:
                _set_score(cell, step.points, report(step))
        elif index in marked.cells:
            ran = marked.cells[index]
            if ran.text:
                cell.outputs.append(nbformat.v4.new_output("stream", name="stdout", text=ran.text))
            if ran.error is not None:
                name, _, message = ran.error.partition(": ")
                cell.outputs.append(nbformat.v4.new_output("error", ename=name, evalue=message, traceback=[ran.error]))


def _write_failure(nb: Any, reason: str) -> None:
    text = f"not marked, the autograder failed: {reason}\nThis is not the submission's fault: grade it again."
    for cell in nb.cells:
        if cell.cell_type == "code":
            cell.outputs = []
            if nbgrader_info(cell).get("grade"):
                _set_score(cell, 0.0, text)


def report(step: StepResult) -> str:
    """What the student reads under a check cell: the cmp line, the verdict and the points, then the reason."""
    lines = [step.comparison.line(step.label), f"verdict: {step.verdict.value}, {step.points:g} of {step.max_points:g}"]
    if step.error is not None:
        lines.append(step.error)
    if step.hint is not None:
        lines.append(step.hint)
    return "\n".join(lines)


def _set_score(cell: Any, score: float, text: str) -> None:
    points = float(nbgrader_info(cell)["points"])
    score = min(max(float(score), 0.0), points)
    cell.outputs = [
        nbformat.v4.new_output("stream", name="stdout", text=text + "\n"),
        nbformat.v4.new_output("execute_result", data={"text/plain": repr(score)}, execution_count=None),
    ]
