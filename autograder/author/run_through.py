"""Run a notebook from its first cell to its last, as an author or a student would."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from autograder.author.finding import Finding, cell_name, error, note, warning
from autograder.cells.ipython import run_cell
from autograder.cells.namespace import clear
from autograder.exercise.cells import has_tag
from autograder.exercise.notebook import Exercise
from autograder.reference.setup import in_folder

CELL_SECONDS = 5.0  # a longer training run is not needed to know that the rest works


def run_findings(notebook: Any, exercise: Exercise, *, untouched: bool = False) -> Iterator[Finding]:
    """Yield an error for the first cell that raises. untouched: the notebook is the stub that students get."""
    what = "the untouched stub" if untouched else "the solution"
    with in_folder(exercise) as shell, torch.random.fork_rng(devices=[]):
        clear(shell)
        for index, cell in enumerate(notebook.cells):
            if cell.cell_type != "code":
                continue
            outcome = run_cell(shell, cell.source, CELL_SECONDS)
            if outcome.timed_out:
                where = cell_name(notebook, index)
                yield note(where, f"takes longer than {CELL_SECONDS:g} s in {what}; it and what follows was not run")
                return
            elif outcome.error is not None and has_tag(cell, "run") and untouched:
                yield warning(
                    cell_name(notebook, index),
                    f"raises before students have answered: {outcome.error}; let it bear what an empty answer returns",
                )
                return
            elif outcome.error is not None:
                yield error(cell_name(notebook, index), f"{what} does not run from the top: {outcome.error}")
                return
