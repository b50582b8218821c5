"""The cells of the training notebook, for what runs them outside of Jupyter."""

from __future__ import annotations

from pathlib import Path

from autograder.exercise.notebook import read_exercise

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "solutions" / "backprop" / "4_training.ipynb"


def code_cells() -> dict[str, str]:
    """The source of every code cell of the solution, by grade_id, in order."""
    cells = read_exercise(NOTEBOOK).cells
    return {grade_id: cell.source for grade_id, cell in cells.items() if cell.cell_type == "code"}
