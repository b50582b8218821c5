"""Submissions of exercise 1, made from its solution notebook."""

from __future__ import annotations

import copy
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import nbformat

from autograder.exercise.notebook import Exercise, nbgrader_info, read_exercise
from autograder.marking.grader import Grader
from autograder.marking.result import SubmissionResult
from autograder.submission.notebook import submission_from_notebook

ROOT = Path(__file__).parents[2]
SOLUTION = ROOT / "solutions" / "backprop" / "1_manual_backprop.ipynb"


@functools.cache
def exercise() -> Exercise:
    return read_exercise(SOLUTION)


@functools.cache
def solutions() -> dict[str, str]:
    """The solution cells by grade_id, without their markers, in order."""
    cells = exercise().cells.items()
    return {
        name: "\n".join(line for line in cell.source.splitlines() if not line.startswith("### "))
        for name, cell in cells
        if nbgrader_info(cell).get("solution")
    }


def variable(cell_id: str) -> str:
    """The d-variable that a solution cell belongs to."""
    return cell_id.partition("_path")[0]


def grade(
    grader: Grader,
    cells: Mapping[str, str],
    before: Mapping[str, Sequence[str]] | None = None,
    after: Mapping[str, Sequence[str]] | None = None,
) -> SubmissionResult:
    """Grade the solution with these cells in place of its own, and more cells beside some."""
    notebook = copy.copy(_solution())
    notebook.cells = []
    written = dict(solutions()) | dict(cells)
    for cell in _solution().cells:
        name = nbgrader_info(cell).get("grade_id", "")
        if name in written:
            cell = copy.deepcopy(cell)
            cell.source = written[name]
        notebook.cells += [nbformat.v4.new_code_cell(source) for source in (before or {}).get(name, ())]
        notebook.cells.append(cell)
        notebook.cells += [nbformat.v4.new_code_cell(source) for source in (after or {}).get(name, ())]
    return grader.grade("s", lambda: submission_from_notebook(notebook, grader.exercise))


@functools.cache
def _solution() -> nbformat.NotebookNode:
    return nbformat.read(SOLUTION, as_version=4)
