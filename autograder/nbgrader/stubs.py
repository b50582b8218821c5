"""Turn each solution region into a TODO line that says what is wanted, for `nbgrader generate_assignment`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nbgrader.preprocessors import ClearSolutions

from autograder.exercise.forward import consumers
from autograder.exercise.notebook import (
    Exercise,
    ExerciseError,
    Step,
    exercise_from_notebook,
    is_ordinary,
    nbgrader_info,
)

# For a cell that makes no gradient, such as the body of a function; the text above it says what to do.
ANY_STUB = "pass  # TODO: your code"


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


def stubs(exercise: Exercise, shapes: dict[str, tuple[int, ...]]) -> dict[str, str]:
    """Return the stub line of each gradient's solution cell, by grade_id. Raises ExerciseError.

    shapes: of the marked tensors, by name.
    """
    return {
        grade_id: _stub(exercise, step, path, shapes[step.tensor])
        for step in exercise.gradients
        for path, grade_id in enumerate(step.solutions)
    }


def _stub(exercise: Exercise, step: Step, path: int, shape: tuple[int, ...]) -> str:
    if len(step.solutions) == 1:
        return f"{step.name} = None  # TODO: gradient of the loss with respect to {step.tensor}, shape {shape}"
    # The paths arrive in backward order, as do the solution cells.
    paths = consumers(exercise.assignments, step.tensor)
    if path >= len(paths):
        raise ExerciseError(
            f"{exercise.path}: {step.name} has {len(step.solutions)} solution cells, but {step.tensor} is used by "
            f"{len(paths)} lines of the forward cell; write one cell for each"
        )
    through = paths[path].target
    if path == 0:
        return f"{step.name} = None  # TODO: gradient with respect to {step.tensor} through {through}, shape {shape}"
    return f"{step.name} = {step.name}  # TODO: + the gradient through {through}, shape {shape}"
