"""Restore a submission's nbgrader cells in the first part of `nbgrader autograde`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import nbformat.v4
from nbgrader.preprocessors import OverwriteCells

from autograder.exercise.notebook import Exercise, ExerciseError, Step, nbgrader_info
from autograder.nbgrader.gradebook import Recorder
from autograder.nbgrader.mark import exercise_at, exercise_path


class RestoreCells(OverwriteCells):
    """Takes the place of nbgrader's OverwriteCells: restores cells, also missing or damaged ones, from the exercise.

    nbgrader's own class stops on some damaged notebooks (a check cell and its solution cell both deleted, an unknown
    or lost id) and asks the gradebook anew for every cell.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Restore the cells of one submitted notebook; where the exercise cannot be read, leave that to nbgrader."""
        try:
            exercise = exercise_at(exercise_path(self, resources))
        except (ExerciseError, OSError) as error:
            # MarkByEngine meets the same fault and gives every check cell an explained 0.
            self.log.error("the cells are restored from the gradebook only: %s", error)
            restored: tuple[Any, Any] = super().preprocess(nb, resources)
            return restored
        info = resources["nbgrader"]
        with Recorder(info["db_url"]) as recorder:
            checksums = recorder.released(info["assignment"], info["notebook"]).checksums
        restore(nb, exercise, checksums)
        return nb, resources


def restore(notebook: Any, exercise: Exercise, checksums: Mapping[str, str] = MappingProxyType({})) -> None:
    """Change a submitted notebook: restore types, metadata and locked text of its cells, and missing check cells.

    checksums: of the cells as released, by grade_id; an answer with the same checksum counts as no response. Of two
    cells with one id the last keeps it, as in nbgrader. The other, and a cell with an unknown id, becomes an ordinary
    cell of the student's.
    """
    seen: set[str] = set()
    for index in reversed(range(len(notebook.cells))):
        cell = notebook.cells[index]
        grade_id = nbgrader_info(cell).get("grade_id")
        cell.metadata.pop("nbgrader", None)
        if not isinstance(grade_id, str) or grade_id not in exercise.cells or grade_id in seen:
            continue
        seen.add(grade_id)
        original = exercise.cells[grade_id]
        cell.metadata["nbgrader"] = copy.deepcopy(original.metadata["nbgrader"])
        if cell.cell_type != original.cell_type:
            cell = notebook.cells[index] = _retyped(cell, original.cell_type)
        if grade_id in exercise.locked:
            cell.source = original.source
    for step in exercise.steps:
        if step.check not in seen:
            notebook.cells.insert(_check_index(notebook, step), _fresh(notebook, exercise.cells[step.check]))
    for cell in notebook.cells:
        info = nbgrader_info(cell)
        if info.get("grade_id") in checksums:
            info["checksum"] = checksums[info["grade_id"]]


def _check_index(notebook: Any, step: Step) -> int:
    """Return the cell index for a step's check cell: behind its last solution cell, or at the end without any.

    Its value is recorded there.
    """
    there = [i for i, cell in enumerate(notebook.cells) if nbgrader_info(cell).get("grade_id") in step.solutions]
    return max(there, default=len(notebook.cells) - 1) + 1


def _fresh(notebook: Any, cell: Any) -> Any:
    # Give it a new id: the submission may still have the cell, without its metadata, under the old id.
    fresh = nbformat.v4.new_code_cell(cell.source, metadata=copy.deepcopy(cell.metadata))
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):  # as Colab saves them: no ids yet
        del fresh["id"]
    return fresh


def _retyped(cell: Any, cell_type: str) -> Any:
    """Return the cell as another type, without attachments and outputs, which only its present type may have."""
    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    again = make.get(cell_type, nbformat.v4.new_raw_cell)(cell.source, metadata=cell.metadata)
    del again["id"]
    if "id" in cell:
        again["id"] = cell["id"]
    return again
