"""Compute the references of all cases: the values that the sandbox may know, and the gradients that it may not."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from autograder.cells.errors import SetupError
from autograder.cells.namespace import DTYPES, default_dtype, run_autograd
from autograder.dojo.compare import as_tensor
from autograder.dojo.gradients import (
    DifferentiationError,
    Gradients,
    LineError,
    Tensors,
    TiesError,
    TieWatch,
    cut_forward,
    end_to_end,
    in_dtype,
    run_forward,
    through_steps,
    vanishing,
)
from autograder.dojo.structure import described
from autograder.exercise.forward import Assignment, ForwardError
from autograder.exercise.notebook import Exercise, ExerciseError
from autograder.exercise.unroll import unroll
from autograder.reference.cases import DRAWS, PUBLIC, Case, draw, number_of_cases, parameters, seed_names
from autograder.reference.setup import Setup, plain, setups
from autograder.reference.sound import failed, not_finite, refuse_unrepeatable, with_parameters
from autograder.sandbox.messages import Known


@dataclass(frozen=True)
class Reference:
    """One case with its right answers, on the trusted side.

    known: what the sandbox may know of it. end: the true gradients, as totals and by path. step: the gradients that the
    random upstream gradients make. Both also have the expected tensor of each marked value, as a total without paths.
    vanishing: marked tensors whose true gradient is zero, so that end to end proves nothing.
    names: everything that setup defined, modules and functions too, to run a forward line again.
    """

    case: Case
    known: Known
    end: Gradients
    step: Gradients
    vanishing: frozenset[str]
    names: Mapping[str, Any]


@dataclass(frozen=True)
class References:
    """The references of all cases. public: the notebook's own case, in float32. hidden: the hidden cases, in float64.

    rounded: the hidden cases again in float32, for code that fixes a lower precision itself.
    """

    public: Reference
    hidden: tuple[Reference, ...]
    rounded: tuple[Reference, ...]

    @property
    def known(self) -> list[Known]:
        """Return what the sandbox may know of each case, the public one first."""
        return [reference.known for reference in (self.public, *self.hidden, *self.rounded)]


def compute_references(exercise: Exercise, secret: bytes, first: int = 0) -> References:
    """Run every case and return the references.

    first: the number of the hidden case to begin with; a later one leaves out cases of the notebook's own sizes.
    Raises ExerciseError, and SetupError where a setup cell raises.
    """
    with setups(exercise) as setup:
        names = setup(PUBLIC)
        refuse_unrepeatable(exercise, lines_at(exercise, names), names)
        public = reference_of(exercise, PUBLIC, names, secret)
        numbers = range(first, number_of_cases(exercise))
        pairs = [_hidden(exercise, secret, number, setup, public) for number in numbers]
    return References(public, tuple(exact for exact, _ in pairs), tuple(rounded for _, rounded in pairs))


def forward_shapes(exercise: Exercise) -> dict[str, tuple[int, ...]]:
    """Return the shape of every marked tensor at the notebook's own sizes. Raises ExerciseError, SetupError."""
    with setups(exercise) as setup:
        names = setup(PUBLIC)
    try:
        marked = [step.tensor for step in exercise.gradients]
        leaves = cut_forward(names, lines_at(exercise, names), marked).leaves
    except LineError as error:
        raise ExerciseError(f"{exercise.path}: {error}") from None
    except Exception as error:
        raise ExerciseError(f"{exercise.path}: the forward cell failed: {error}") from None
    missing = [name for name in marked if name not in leaves]
    if missing:
        raise ExerciseError(f"{exercise.path}: nothing assigns {', '.join(missing)}")
    return {name: tuple(leaf.shape) for name, leaf in leaves.items()}


def lines_at(exercise: Exercise, names: Mapping[str, Any]) -> tuple[Assignment, ...]:
    """Return the forward pass with its loops unrolled for these values, as single assignments. Raises ExerciseError."""
    if not any(line.is_loop for line in exercise.assignments):
        return exercise.assignments
    try:
        with torch.no_grad():
            return unroll(exercise.forward, run_forward(names, (Assignment("", (), exercise.forward),)))
    except (ForwardError, LineError) as error:
        raise ExerciseError(f"{exercise.path}: {error}") from None


def _hidden(
    exercise: Exercise, secret: bytes, number: int, setup: Setup, public: Reference
) -> tuple[Reference, Reference]:
    """Draw a hidden case until it can be used; return its references in float64 and float32. Raises ExerciseError.

    Where a maximum is reached twice in every draw, as after a ReLU, the last stands: PyTorch's choice is the gradient.
    """
    why = ""
    for attempt in range(2 * DRAWS):
        case = draw(exercise, secret, number, attempt)
        try:
            names = setup(case)
        except SetupError as error:
            raise failed(exercise, case, error) from None
        try:
            with contextlib.nullcontext() if attempt >= DRAWS else TieWatch():
                exact = reference_of(exercise, case, names, secret)
            rounded = reference_of(
                exercise,
                Case(case.name, case.overrides, "float32", case.public_sizes),
                in_dtype(names, torch.float32),
                secret,
            )
        except TiesError:
            continue
        infinite = not_finite([exact.end, exact.step, rounded.end, rounded.step])
        if infinite is not None:
            why = f"the gradient of {infinite} holds NaN or inf"
        # Exactly the gradients that vanish in the notebook must vanish in a hidden case.
        elif exact.vanishing != public.vanishing:
            changed = ", ".join(sorted(exact.vanishing ^ public.vanishing))
            why = f"the gradient of {changed} is zero here and not in the notebook, or the other way round"
        else:
            return exact, rounded
    raise ExerciseError(
        f"{exercise.path}: {2 * DRAWS} draws of a hidden case are of no use: {why}, the last time "
        f"{with_parameters(exercise, case)}; make the setup's numbers less special"
    )


def reference_of(exercise: Exercise, case: Case, names: dict[str, Any], secret: bytes) -> Reference:
    """Return one case with its right answers. names: those that setup has made for it. Raises ExerciseError."""
    marked = _marked(exercise)
    other = "float32" if case.dtype == "float64" else "float64"
    try:
        with default_dtype(case.dtype):
            lines = lines_at(exercise, names)
            total = end_to_end(names, lines, marked)
            cut = cut_forward(names, lines, marked)
        with default_dtype(other):
            elsewhere = end_to_end(in_dtype(names, DTYPES[other]), lines, marked)
    except DifferentiationError as error:
        cure = "; set requires_grad on the parameters in setup" if "requires a gradient" in str(error) else ""
        raise ExerciseError(f"{exercise.path}: {error}{cure}") from None
    except (TiesError, ExerciseError):
        raise
    except Exception as error:
        raise failed(exercise, case, error) from None
    pair = (total, elsewhere) if case.dtype == "float64" else (elsewhere, total)
    upstream = _random_upstream(cut.leaves, case, secret)
    given = exercise.autograd.given
    names_of = {step.tensor: step.name for step in exercise.gradients} | {tensor: d for d, tensor in given.items()}
    values = _values(exercise, case, names)
    expected = {name: values.pop(name) for name in exercise.expected}
    # What an earlier turn of a loop has made has a name of ours, and is nobody's to use.
    made = {name: value for name, value in cut.values.items() if not name.startswith("_")}
    tensors, structures = described({**names, **made})
    return Reference(
        case,
        Known(
            tensors={path: tensor.detach() for path, tensor in tensors.items()}
            | {d: total[tensor] for d, tensor in given.items()}
            | {k: v for k, v in values.items() if isinstance(v, torch.Tensor)},
            scalars=_without_seeds(exercise, case, plain(names) | plain(made) | plain(values)),
            upstream={names_of[tensor]: gradient for tensor, gradient in upstream.items()},
            dtype=case.dtype,
            structures=structures,
        ),
        _with_values(Gradients(total, through_steps(cut, total).paths), expected),
        _with_values(through_steps(cut, upstream), expected),
        vanishing(*pair),
        names,
    )


def _without_seeds(exercise: Exercise, case: Case, scalars: dict[str, Any]) -> dict[str, Any]:
    """Return plain values with the notebook's own in the place of a case's seeds and of whatever equals one.

    A submission that knew the seeds of a hidden case could tell them to the next, which brings a table of answers.
    """
    public = parameters(exercise)
    seeds = {name: case.overrides[name] for name in seed_names(exercise) if name in case.overrides}
    kept = {name: value for name, value in scalars.items() if name in seeds or value not in seeds.values()}
    return kept | {name: public[name] for name in seeds}


def _values(exercise: Exercise, case: Case, names: dict[str, Any]) -> dict[str, Any]:
    """Return the values that the autograd cells assign beside gradients; the cells run only where there is any."""
    wanted = exercise.autograd.values
    if not wanted:
        return {}
    try:
        with default_dtype(case.dtype):
            found = run_autograd(names, (exercise.forward, *exercise.autograd.sources))
        values = {k: v.detach() if isinstance(v, torch.Tensor) else v for k, v in found.items() if k in wanted}
        for name in exercise.expected:  # a Python number or a NumPy array will do
            number = as_tensor(values.get(name))
            if number is not None and not isinstance(values[name], torch.Tensor):
                values[name] = number.to(DTYPES[case.dtype]) if number.is_floating_point() else number
        absent = [name for name in exercise.expected if not isinstance(values.get(name), torch.Tensor)]
    except Exception as error:
        raise ExerciseError(f"{exercise.path}: an autograd cell failed: {type(error).__name__}: {error}") from None
    if absent:
        raise ExerciseError(
            f"{exercise.path}: {absent[0]} is no tensor or number after the autograd cells; a check needs one"
        )
    return values


def _with_values(gradients: Gradients, values: Tensors) -> Gradients:
    return Gradients(gradients.total | values, gradients.paths | {name: {} for name in values})


def _random_upstream(leaves: Tensors, case: Case, secret: bytes) -> Tensors:
    key = hashlib.sha256(b"upstream/%b/%b" % (secret, case.name.encode())).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(key[:7], "big"))
    draws = {k: torch.randn(v.shape, generator=generator, dtype=torch.float64) for k, v in leaves.items()}
    return {name: gradient.to(DTYPES[case.dtype]) for name, gradient in draws.items()}


def _marked(exercise: Exercise) -> list[str]:
    """Return the tensors at which the forward pass is cut: those whose gradients are marked or given."""
    return [*(step.tensor for step in exercise.gradients), *exercise.autograd.given.values()]
