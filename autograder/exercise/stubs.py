"""The TODO line that takes the place of each solution in the students' notebook."""

from __future__ import annotations

from autograder.exercise.cells import ExerciseError
from autograder.exercise.forward import consumers
from autograder.exercise.notebook import Exercise
from autograder.exercise.steps import Step

# For a cell that makes no gradient, such as the body of a function; the text above it says what to do.
ANY_STUB = "pass  # TODO: your code"


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
