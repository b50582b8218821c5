"""Draw hidden cases from the course secret: the exercise with other parameters.

By convention a parameter whose name contains "seed" is a seed and is drawn anew for every case; any other
parameter that is an integer above 1 is a size, kept in the cases of public sizes and changed in the others.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from autograder.exercise.notebook import Exercise, ExerciseError

PUBLIC_SIZES = 2  # where random numbers decide, two cases say as much as three (tests/marks: no wrong answer passes)
# One case has every size larger: a loop that is too short does nothing wrong at smaller ones before it fails.
LARGER = PUBLIC_SIZES
# One has them smaller and in another order: a loop that is too long fails only there.
SMALLER = PUBLIC_SIZES + 1
GROWTH = 0.4  # the largest part by which a size grows; every submission pays for large ones
SIZE_DRAWS = 200
DRAWS = 20  # how often a case is drawn again before the exercise is given up


@dataclass(frozen=True)
class Case:
    """One choice of parameters to run the exercise with.

    overrides: the parameters that differ from the notebook's, by name. dtype: "float32" or "float64".
    public_sizes: whether all sizes are the notebook's own.
    """

    name: str
    overrides: dict[str, int | float] = field(default_factory=dict)
    dtype: str = "float64"
    public_sizes: bool = True


PUBLIC = Case("public", dtype="float32")
"""The notebook as it is: the student sees this case, and `exact` is decided on it."""


def parameters(exercise: Exercise) -> dict[str, Any]:
    """Return the constants that the parameters cell assigns, by name."""
    found: dict[str, Any] = {}
    for source in exercise.setup[: exercise.parameters]:
        for node in ast.parse(source).body:
            match node:
                case ast.Assign([ast.Name(name)], ast.Constant(value)):
                    found[name] = value
    return found


def draw(exercise: Exercise, secret: bytes, number: int, attempt: int = 0) -> Case:
    """Draw hidden case `number`, counted from 0; the same arguments give the same case.

    attempt: how many draws of this case were of no use before. Raises ExerciseError where the exercise has no seed.
    """
    key = hashlib.sha256(b"%b/%b/%d/%d" % (secret, exercise.name.encode(), number, attempt)).digest()
    source = random.Random(key)
    seeds, sizes = _seeds_and_sizes(exercise)
    overrides: dict[str, int | float] = {name: source.randrange(2**31) for name in seeds}
    if number == LARGER:
        overrides |= _larger(sizes, source)
    elif number == SMALLER:
        overrides |= _smaller_in_another_order(sizes, source)
    return Case(f"hidden {number + 1}", overrides, public_sizes=number < PUBLIC_SIZES)


def seed_names(exercise: Exercise) -> list[str]:
    """Return the parameters that are drawn anew for every hidden case."""
    return _seeds_and_sizes(exercise)[0]


def number_of_cases(exercise: Exercise) -> int:
    """Return how many hidden cases an exercise has: without sizes there are only those of public sizes."""
    return SMALLER + 1 if _seeds_and_sizes(exercise)[1] else PUBLIC_SIZES


def _seeds_and_sizes(exercise: Exercise) -> tuple[list[str], dict[str, int]]:
    plain = parameters(exercise)
    integers = {name: value for name, value in plain.items() if type(value) is int}
    seeds = [name for name in integers if "seed" in name.lower()]
    if not seeds:
        raise ExerciseError(f"{exercise.path}: no parameter is a seed; hidden cases need one, such as SEED = 42")
    return seeds, {name: value for name, value in integers.items() if name not in seeds and value > 1}


def _larger(sizes: dict[str, int], source: random.Random) -> dict[str, int]:
    """Return a larger value for every size."""
    return _drawn(sizes, source, lambda public: (public + 1, public + max(3, round(GROWTH * public))))


def _smaller_in_another_order(sizes: dict[str, int], source: random.Random) -> dict[str, int]:
    """Return a smaller value for every size that can have one, of many draws those which most change places by order.

    A loop over the wrong size does all the right work first where that size is too large, and only then fails. Only
    where it is too small does the loop leave something out.
    """
    pairs = [(small, large) for small in sizes for large in sizes if sizes[small] < sizes[large]]
    draws = [_drawn(sizes, source, lambda public: (max(2, public // 3), public - 1)) for _ in range(SIZE_DRAWS)]
    return max(draws, key=lambda drawn: sum(drawn[small] > drawn[large] for small, large in pairs))


def _drawn(sizes: dict[str, int], source: random.Random, between: Callable[[int], tuple[int, int]]) -> dict[str, int]:
    """Draw a value for every size: no factor shared with its public value, and all different from each other.

    between: the smallest and the largest value for a public one. Where none of them will do, it is the next above.
    """
    chosen: dict[str, int] = {}
    for name, public in sizes.items():
        first, last = between(public)
        free = (s for s in itertools.count(first) if math.gcd(s, public) == 1 and s not in chosen.values())
        chosen[name] = source.choice([next(free), *itertools.takewhile(last.__ge__, free)])
    return chosen
