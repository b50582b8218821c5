"""The reference gradients: the forward cell under autograd. Never leaves the trusted side."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from autograder.exercise import Exercise, ExerciseError
from autograder.namespace import Case, Code, run_forward
from autograder.shell import new_shell


@dataclass(frozen=True)
class Reference:
    """The gradient of the loss with respect to each marked tensor, by the tensor's name, for one case."""

    case: Case
    gradients: dict[str, torch.Tensor]


def compute_reference(exercise: Exercise, case: Case) -> Reference:
    """Run setup and forward pass in the exercise's folder and differentiate the loss.

    The loss is what the forward cell's last line assigns. Raises ExerciseError where a marked tensor has no
    gradient, and autograder.namespace.SetupError where a cell fails.
    """
    # The sandbox has one thread too; with another number of threads sums may round differently.
    torch.set_num_threads(1)
    code = Code(exercise.setup, exercise.parameters, exercise.forward)
    with _inside(exercise.path.parent), tempfile.TemporaryDirectory(prefix="ipython-") as ipython_dir:
        names = run_forward(new_shell(ipython_dir), code, case, with_graph=True)
    loss = names[exercise.assignments[-1].target]
    tensors = []
    for step in exercise.steps:
        tensor = names.get(step.tensor)
        if not isinstance(tensor, torch.Tensor) or not tensor.requires_grad:
            raise ExerciseError(
                f"{exercise.path}: {step.check} marks {step.name}, but {step.tensor} is not a tensor that requires a "
                "gradient; set requires_grad on the parameters in a setup cell"
            )
        tensors.append(tensor)
    try:
        gradients = torch.autograd.grad(loss, tensors)
    except RuntimeError as error:
        raise ExerciseError(f"{exercise.path}: the loss cannot be differentiated: {error}") from None
    return Reference(
        case, {step.tensor: gradient.detach() for step, gradient in zip(exercise.steps, gradients, strict=True)}
    )


def forward_shapes(exercise: Exercise) -> dict[str, tuple[int, ...]]:
    """The shape of every marked tensor at the notebook's own sizes."""
    reference = compute_reference(exercise, Case("shapes"))
    return {name: tuple(gradient.shape) for name, gradient in reference.gradients.items()}


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    """Setup cells open and import what lies beside the notebook."""
    path = list(sys.path)
    sys.path.insert(0, str(folder.resolve()))
    try:
        with contextlib.chdir(folder):
            yield
    finally:
        sys.path[:] = path
