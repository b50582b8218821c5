"""autograde, first part: put a submission's nbgrader cells back into the form that nbgrader relies on."""

from __future__ import annotations

import copy
from typing import Any

import nbformat.v4
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.exercise import Exercise, Step, nbgrader_info, read_exercise
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
            notebook.cells.insert(_place(notebook, step), _fresh(exercise.cells[step.check], notebook))


def _place(notebook: Any, step: Step) -> int:
    """Behind the step's last solution cell, or at the end without any.

    That is where its value is final in the submission as it came, so that the mark stays the same.
    """
    own = (i for i, cell in enumerate(notebook.cells) if nbgrader_info(cell).get("grade_id") in step.solutions)
    return max(own, default=len(notebook.cells) - 1) + 1


def _fresh(cell: Any, notebook: Any) -> Any:
    """The exercise's cell, under an id that no cell of the notebook has; before format 4.5 cells had none."""
    fresh = nbformat.v4.new_code_cell(cell.source, metadata=copy.deepcopy(cell.metadata))
    if notebook.get("nbformat_minor", 5) < 5:
        del fresh["id"]
    elif all(other.get("id") != cell.id for other in notebook.cells):
        fresh.id = cell.id
    return fresh
