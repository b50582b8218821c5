"""autograde, first part: put a submission's nbgrader cells back into the form that nbgrader relies on."""

from __future__ import annotations

import copy
from typing import Any

import nbformat.v4
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.exercise import Exercise, nbgrader_info, read_exercise
from autograder.nbgrader.place import exercise_path


class RestoreCells(NbGraderPreprocessor):
    """Bring back missing check cells and every cell's nbgrader metadata from the exercise.

    nbgrader's own OverwriteCells stops on some damaged notebooks (a check cell and its solution cell both
    deleted, an unknown or lost id); after this it finds nothing to stop at.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Restore the cells of one submitted notebook."""
        restore(nb, read_exercise(exercise_path(self, resources)))
        return nb, resources


def restore(notebook: Any, exercise: Exercise) -> None:
    """Restore metadata and missing check cells of a submitted notebook, in place.

    Of two cells with one id the last keeps it, as in nbgrader. A cell with an unknown id becomes an
    ordinary cell of the student's.
    """
    seen: set[str] = set()
    for cell in reversed(notebook.cells):
        grade_id = nbgrader_info(cell).get("grade_id")
        if isinstance(grade_id, str) and grade_id in exercise.cells and grade_id not in seen:
            seen.add(grade_id)
            cell.metadata["nbgrader"] = copy.deepcopy(exercise.cells[grade_id].metadata["nbgrader"])
        else:
            cell.metadata.pop("nbgrader", None)
    for step in exercise.steps:
        if step.check not in seen:
            notebook.cells.insert(_place(notebook, exercise, step.check), _fresh(exercise.cells[step.check]))


def _place(notebook: Any, exercise: Exercise, grade_id: str) -> int:
    """Behind the nearest cell that comes before it in the exercise and is still there."""
    order = list(exercise.cells)
    there = {nbgrader_info(cell).get("grade_id"): index for index, cell in enumerate(notebook.cells)}
    for earlier in reversed(order[: order.index(grade_id)]):
        if earlier in there:
            return there[earlier] + 1
    return 0


def _fresh(cell: Any) -> Any:
    return nbformat.v4.new_code_cell(cell.source, metadata=copy.deepcopy(cell.metadata), id=cell.id)
