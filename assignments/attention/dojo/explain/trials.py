"""Sets of numbers on which a cell of a notebook is tried: its forward pass again, with other gradients arriving."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from .cell import Trial, Watching
from .evaluate import Evaluation
from .fit import distance, largest
from .forward import Line, Scene, Tensor, double, in_float64
from .question import parts_of
from .statements import statements

TRIALS = 3  # sets of random gradients on which a notebook's cell is tried
MOVED = 0.03  # how far a parameter is moved from trial to trial, relative to its largest element
SAME = 1e-3  # how far float32 may be from float64 in a notebook, relative to the largest element
ROUNDED = 1e-6  # the same, relative to the largest number on the way


def trials_of(
    found: object,
    scene: Scene,
    names: Mapping[str, object],
    lines: Sequence[Line],
    source: str,
    name: str,
    until: float = math.inf,
) -> list[Trial]:
    """Return trials in float64 with random gradients arriving; [] where the code does not give what was found.

    Parameters are moved a little from trial to trial, for the last lines have no gradients that could be others. until:
    when to give up, in this thread's processor time.
    """
    given = {key: in_float64(value) for key, value in names.items() if key != name}
    if not isinstance(found, Tensor) or not gives(source, name, given, found.detach().to(torch.float64), until):
        return []
    # What a cell does not read may be a 1 that it takes for granted: the gradient of the loss.
    read = {key for key, value in names.items() if isinstance(value, Tensor) and key != name}
    trials = []
    free = [key for key, value in names.items() if isinstance(value, Tensor) and value.is_leaf and value.requires_grad]
    for seed in range(TRIALS):
        given |= forward_in_float64(given, lines, free, seed)
        other = with_random_upstream(replace(scene, names=dict(given)), seed, read)
        upstream = {f"d{target}": gradient for target, gradient in other.upstream.items() if f"d{target}" in read}
        made = evaluated(source, name, given | upstream, until)
        if made is None:
            return []
        try:
            total = sum(parts_of(other).values(), torch.zeros_like(other.value))
        except ValueError:  # a line that cannot be differentiated
            return []
        trials.append(Trial(other, given | upstream, made, total))
    return trials


def end_trials(
    cases: Sequence[tuple[Scene, Mapping[str, Tensor], Tensor, bool]], source: str, name: str
) -> list[Trial]:
    """Return trials of code with the true gradients; [] where it cannot be evaluated, or the gradient vanishes.

    cases: of each the scene with the true gradients arriving, the true gradients by variable, what is right end to end,
    and whether it has the notebook's own sizes.
    """
    trials = []
    for scene, gradients, total, public in cases:
        names = {**scene.names, **{other: gradient for other, gradient in gradients.items() if other != name}}
        found = evaluated(source, name, names)
        if found is None or largest(total) <= ROUNDED * max(map(largest, gradients.values()), default=0.0):
            return []
        trials.append(Trial(scene, names, found, total.double(), public))
    return trials


def evaluated(source: str, name: str, names: Mapping[str, Any], until: float = math.inf) -> Tensor | None:
    """Return what a cell's code gives for a variable; None where it cannot be evaluated."""
    try:
        with double(), torch.no_grad():
            evaluation = Evaluation(names, until=until)
            evaluation.run(statements(source, name, names))
    except Exception:  # what a student's code does is not known
        return None
    found = evaluation.names.get(name)
    return found if isinstance(found, Tensor) else None


def gives(source: str, name: str, names: Mapping[str, Any], found: Tensor, until: float = math.inf) -> bool:
    """Return whether a cell's code gives what was found in float32, up to rounding."""
    try:
        with double(), torch.no_grad():
            watching = Watching(names, until)
            watching.run(statements(source, name, names))
    except Exception:  # what a student's code does is not known
        return False
    made = watching.names.get(name)
    if not isinstance(made, Tensor) or made.shape != found.shape:
        return False
    # Terms may cancel, so rounding is relative to the largest number on the way.
    tensors = [value for value in watching.seen.values() if isinstance(value, Tensor) and value.is_floating_point()]
    return distance(made.double(), found) <= max(SAME * largest(made), ROUNDED * max(map(largest, tensors), default=0))


def forward_in_float64(
    names: Mapping[str, Any], lines: Sequence[Line], free: Collection[str] = (), seed: int = 0
) -> dict[str, Any]:
    """Return the tensors of a forward pass, run again in float64; {} where that fails.

    free: names of parameters, which are moved at random first, and are returned too.
    """
    values, source = dict(names), torch.Generator().manual_seed(seed)
    for name in free:
        step = torch.randn(values[name].shape, generator=source, dtype=torch.float64)
        values[name] = values[name] + MOVED * largest(values[name]) * step
    try:
        with double(), torch.no_grad():
            # A loop is a line for each name that it makes, all with its text; it is run once.
            for text, _ in itertools.groupby(line.source for line in lines):
                exec(text, values)  # a line of the exercise
    except Exception:  # the names have changed since it was run
        return {}
    made = {name: values[name] for name in (*free, *(line.target for line in lines))}
    return {name: value.detach() for name, value in made.items() if isinstance(value, Tensor)}


def with_random_upstream(scene: Scene, seed: int, known: Collection[str]) -> Scene:
    """Return the scene in float64, with other gradients arriving: independent random ones.

    known: the names of the gradients that code can read; what it cannot, the loss's own 1 for instance, stays.
    """
    source = torch.Generator().manual_seed(seed)
    upstream = {}
    for name, value in scene.upstream.items():
        other = torch.randn(value.shape, generator=source, dtype=torch.float64)
        upstream[name] = other if f"d{name}" in known else in_float64(value)
    names = {name: in_float64(value) for name, value in scene.names.items()}
    return Scene(scene.tensor, scene.routes, names, upstream)
