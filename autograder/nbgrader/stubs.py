"""Turn each solution region into a TODO line that says what is wanted, for `nbgrader generate_assignment`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.preprocessors import ClearSolutions

from autograder.exercise.notebook import exercise_from_notebook, is_ordinary, nbgrader_info
from autograder.exercise.stubs import ANY_STUB, stubs


class TodoStubs(ClearSolutions):
    """Takes the place of nbgrader's ClearSolutions and gives each solution cell a stub of its own.

    A gradient's stub assigns its d-variable, so that an untouched notebook runs from top to bottom.
    """

    def preprocess(self, nb: Any, resources: Any) -> tuple[Any, Any]:
        """Compute every stub from the solution notebook, then clear the solutions. Raises ExerciseError, SetupError."""
        from autograder.reference.compute import forward_shapes  # imports torch

        path = Path(resources["metadata"]["path"]) / f"{resources['nbgrader']['notebook']}.ipynb"
        self._stubs: dict[str, str] | None = None
        if not is_ordinary(nb):
            exercise = exercise_from_notebook(nb, path)
            self._stubs = stubs(exercise, forward_shapes(exercise))
        cleared: tuple[Any, Any] = super().preprocess(nb, resources)
        return cleared

    def preprocess_cell(self, cell: Any, resources: Any, cell_index: int) -> tuple[Any, Any]:
        """Give nbgrader's own clearing the stub of this cell."""
        if self._stubs is not None:  # else nbgrader's own stubs
            stub = self._stubs.get(str(nbgrader_info(cell).get("grade_id")), ANY_STUB)
            self.code_stub = {resources["language"]: stub}
        cleared: tuple[Any, Any] = super().preprocess_cell(cell, resources, cell_index)
        return cleared
