"""Restore a submission's nbgrader cells in the first part of `nbgrader autograde`."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import nbformat.v4
from nbgrader.preprocessors import CheckCellMetadata, DeduplicateIds, OverwriteCells

from autograder.exercise.notebook import Exercise, OrdinaryError, Step, nbgrader_info
from autograder.nbgrader.gradebook import Recorder
from autograder.nbgrader.mark import exercise_path
from autograder.nbgrader.warm import exercise_at


class RestoreCells(OverwriteCells):
    """Takes the place of nbgrader's OverwriteCells: restores cells, also missing or damaged ones, from the exercise.

    nbgrader's own class stops on some damaged notebooks (a check cell and its solution cell both deleted, an unknown
    or lost id) and asks the gradebook anew for every cell.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Restore the cells of one submitted notebook; one of nbgrader's own kind as nbgrader does it.

        Raises CourseError where the exercise is worth something else than in the gradebook, ExerciseError, OSError.
        """
        try:
            exercise = exercise_at(exercise_path(self, resources))
        except OrdinaryError:
            nb, resources = DeduplicateIds(parent=self.parent).preprocess(nb, resources)
            nb, resources = super().preprocess(nb, resources)
            checked: tuple[Any, Any] = CheckCellMetadata(parent=self.parent).preprocess(nb, resources)
            return checked
        info = resources["nbgrader"]
        with Recorder(info["db_url"]) as recorder:
            checksums = recorder.check(info["assignment"], exercise).checksums
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
    for grade_id, cell in exercise.cells.items():
        if nbgrader_info(cell).get("task") and grade_id not in seen:
            notebook.cells.append(_fresh(notebook, cell))
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
    # An id of its own: the submission may still have the cell under the old one, without its metadata.
    make = nbformat.v4.new_code_cell if cell.cell_type == "code" else nbformat.v4.new_markdown_cell
    fresh = make(cell.source, metadata=copy.deepcopy(cell.metadata))
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
