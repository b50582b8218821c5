"""Find what keeps an exercise from being marked: lines that are random or complex, cases of other sizes that fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from autograder.dojo.gradients import Gradients, LineError, run_forward
from autograder.dojo.structure import tensors_in
from autograder.exercise.forward import Assignment
from autograder.exercise.notebook import Exercise, ExerciseError
from autograder.reference.cases import Case, parameters, seed_names

SIZES_CURE = (
    "where setup or a forward line has such a number itself, write the parameter; a parameter that must not change is "
    "declared `k = 2  # fixed`, and what sizes need of each other is an `assert` in the parameters cell"
)


def with_parameters(exercise: Exercise, case: Case) -> str:
    """Return "with n = 9, d = 4" for a case of other sizes, and its seeds for any other; "" for the notebook's own."""
    seeds = seed_names(exercise) if case.overrides else []
    shown = {k: v for k, v in case.overrides.items() if case.public_sizes or k not in seeds}
    return f"with {', '.join(f'{name} = {value}' for name, value in shown.items())}" if shown else ""


def failed(exercise: Exercise, case: Case, error: Exception) -> ExerciseError:
    """Return the error of an exercise whose cells fail in a case: what failed, with which parameters, what to do."""
    said = str(error) if isinstance(error, ValueError | RuntimeError) else f"{type(error).__name__}: {error}"
    where = with_parameters(exercise, case)
    if not where:
        return ExerciseError(f"{exercise.path}: {said}")
    if case.public_sizes:
        return ExerciseError(f"{exercise.path}: {said}; this happens {where}")
    public = parameters(exercise)
    here = ", ".join(f"{name} = {public[name]}" for name in case.overrides if name not in seed_names(exercise))
    return ExerciseError(f"{exercise.path}: {said}; this happens {where} (the notebook has {here}); {SIZES_CURE}")


def refuse_unrepeatable(exercise: Exercise, lines: Sequence[Assignment], names: Mapping[str, Any]) -> None:
    """Raise ExerciseError where a forward line gives other numbers the second time, or makes complex ones.

    names: all values after setup.
    """
    for path, tensor in tensors_in(names):
        if tensor.is_complex():
            raise _complex(exercise, f"setup makes {path}, a complex tensor")
    try:
        with torch.no_grad():
            once, again = run_forward(names, lines), run_forward(names, lines)
    except LineError as error:
        raise ExerciseError(f"{exercise.path}: {error}") from None
    for line in lines:
        first, second = (dict(tensors_in({line.target: after[line.target]})) for after in (once, again))
        if any(tensor.is_complex() for tensor in first.values()):
            raise _complex(exercise, f"the forward line `{line.source}` makes a complex tensor")
        if first.keys() != second.keys() or not all(_same(first[path], second[path]) for path in first):
            raise ExerciseError(
                f"{exercise.path}: the forward line `{line.source}` gives other numbers each time it is run, so no "
                "gradient belongs to it; draw random numbers in setup from a seeded torch.Generator, and change "
                "nothing in place"
            )


def _complex(exercise: Exercise, what: str) -> ExerciseError:
    return ExerciseError(
        f"{exercise.path}: {what}, and gradients are marked for real ones only; write the real and the imaginary part "
        "as tensors of their own, for torch.fft as products with cosines and sines"
    )


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    return one.shape == other.shape and torch.equal(torch.nan_to_num(one), torch.nan_to_num(other))


def not_finite(gradients: Sequence[Gradients]) -> str | None:
    """Return the first tensor whose gradient holds NaN or inf; None where all are finite.

    A value may be infinite, such as a score that a mask has set to -inf, as long as no gradient is.
    """
    for each in gradients:
        for name, gradient in each.total.items():
            if not torch.isfinite(gradient).all():
                return name
    return None
