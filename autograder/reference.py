"""The reference for one case: what the sandbox may know, and the gradients that it may not."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from autograder.cases import DRAWS, PUBLIC, Case, draw, number_of_cases
from autograder.differentiate import (
    DifferentiationError,
    Gradients,
    Tensors,
    TiesError,
    TieWatch,
    cut_forward,
    end_to_end,
    in_dtype,
    through_steps,
    vanishing,
)
from autograder.exercise import Exercise, ExerciseError
from autograder.namespace import DTYPES, default_dtype
from autograder.setups import Setup, plain, setups


@dataclass(frozen=True)
class Known:
    """What a student may know of a case: tensors and plain values by name, no gradient, no graph.

    upstream: independent random gradients, by the d-variable that they take the place of, step by step.
    dtype: the default dtype of its runs.
    """

    tensors: Tensors
    scalars: dict[str, int | float | bool | str]
    upstream: Tensors
    dtype: str


@dataclass(frozen=True)
class Reference:
    """One case on the trusted side.

    end: the true gradients, as totals and by path. step: those for the random upstream gradients.
    vanishing: marked tensors whose true gradient is zero, so that end to end proves nothing.
    """

    case: Case
    known: Known
    end: Gradients
    step: Gradients
    vanishing: frozenset[str]


@dataclass(frozen=True)
class References:
    """All cases of an exercise. public: float32, as the student sees it. hidden: float64.

    rounded: the hidden cases again in float32, for code that fixes a lower precision itself.
    """

    public: Reference
    hidden: tuple[Reference, ...]
    rounded: tuple[Reference, ...]


def compute_references(exercise: Exercise, secret: bytes, kept: Path | None = None) -> References:
    """Run every case. kept: a folder where what setup made is kept for the next time.

    Raises ExerciseError, and autograder.namespace.SetupError where a cell fails.
    """
    with setups(exercise, kept) as setup:
        public = _reference(exercise, PUBLIC, setup(PUBLIC), secret)
        pairs = [_hidden(exercise, secret, number, setup, public) for number in range(number_of_cases(exercise))]
    return References(public, tuple(exact for exact, _ in pairs), tuple(rounded for _, rounded in pairs))


def forward_shapes(exercise: Exercise) -> dict[str, tuple[int, ...]]:
    """The shape of every marked tensor at the notebook's own sizes."""
    with setups(exercise) as setup:
        names = setup(PUBLIC)
    try:
        leaves = cut_forward(names, exercise.assignments, _marked(exercise)).leaves
    except Exception as error:
        raise ExerciseError(f"{exercise.path}: the forward cell failed: {error}") from None
    missing = [name for name in _marked(exercise) if name not in leaves]
    if missing:
        raise ExerciseError(f"{exercise.path}: nothing assigns {', '.join(missing)}")
    return {name: tuple(leaf.shape) for name, leaf in leaves.items()}


def _hidden(
    exercise: Exercise, secret: bytes, number: int, setup: Setup, public: Reference
) -> tuple[Reference, Reference]:
    """Draw a hidden case until it is one that can be marked with, in both precisions."""
    for attempt in range(DRAWS):
        case = draw(exercise, secret, number, attempt)
        names = setup(case)
        try:
            with TieWatch():
                exact = _reference(exercise, case, names, secret)
            rounded = _reference(
                exercise,
                Case(case.name, case.overrides, "float32", case.public_sizes),
                in_dtype(names, torch.float32),
                secret,
            )
        except TiesError:
            continue
        # Of the tensors' gradients the same ones must vanish as in the notebook, and no others.
        if _finite(exact) and _finite(rounded) and exact.vanishing == public.vanishing:
            return exact, rounded
    raise ExerciseError(
        f"{exercise.path}: {DRAWS} draws of a hidden case all had ties in a maximum, gradients that vanish or "
        "values that are not finite; make the setup's numbers less special"
    )


def _reference(exercise: Exercise, case: Case, names: dict[str, Any], secret: bytes) -> Reference:
    marked = _marked(exercise)
    other = "float32" if case.dtype == "float64" else "float64"
    try:
        with default_dtype(case.dtype):
            total = end_to_end(names, exercise.assignments, marked)
            cut = cut_forward(names, exercise.assignments, marked)
        with default_dtype(other):
            elsewhere = end_to_end(in_dtype(names, DTYPES[other]), exercise.assignments, marked)
    except DifferentiationError as error:
        raise ExerciseError(f"{exercise.path}: {error}; set requires_grad on the parameters in setup") from None
    except TiesError:
        raise
    except Exception as error:
        raise ExerciseError(f"{exercise.path}: the forward cell failed: {type(error).__name__}: {error}") from None
    pair = (total, elsewhere) if case.dtype == "float64" else (elsewhere, total)
    upstream = _random_upstream(cut.leaves, case, secret)
    names_of = {step.tensor: step.name for step in exercise.steps}
    return Reference(
        case,
        Known(
            tensors={k: v.detach() for k, v in names.items() if isinstance(v, torch.Tensor)} | cut.values,
            scalars=plain(names),
            upstream={names_of[tensor]: gradient for tensor, gradient in upstream.items()},
            dtype=case.dtype,
        ),
        Gradients(total, through_steps(cut, total).paths),
        through_steps(cut, upstream),
        vanishing(*pair),
    )


def _random_upstream(leaves: Tensors, case: Case, secret: bytes) -> Tensors:
    key = hashlib.sha256(b"upstream/%b/%b" % (secret, case.name.encode())).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(key[:7], "big"))
    draws = {k: torch.randn(v.shape, generator=generator, dtype=torch.float64) for k, v in leaves.items()}
    return {name: gradient.to(DTYPES[case.dtype]) for name, gradient in draws.items()}


def _finite(reference: Reference) -> bool:
    tensors = [*reference.known.tensors.values(), *reference.end.total.values(), *reference.step.total.values()]
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors)


def _marked(exercise: Exercise) -> list[str]:
    return [step.tensor for step in exercise.steps]
