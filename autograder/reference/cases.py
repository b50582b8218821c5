"""Hidden cases: the exercise run with other parameters, drawn from the course secret.

By convention a parameter whose name contains "seed" is a seed and is drawn anew for every case; any other
parameter that is an integer above 1 is a size, kept in the cases of public sizes and changed in the others.
"""

from __future__ import annotations

import ast
import hashlib
import itertools
import math
import random
from dataclasses import dataclass, field
from typing import Any

from autograder.exercise.notebook import Exercise, ExerciseError

PUBLIC_SIZES = 3
OTHER_SIZES = 3
MAX_SIZE = 96  # a wrong size shows at small ones, and every submission pays for large ones
SIZE_DRAWS = 200
DRAWS = 20  # how often a case is drawn again before the exercise is given up


@dataclass(frozen=True)
class Case:
    """One way of running the exercise. overrides: parameters that differ from the notebook's.

    public_sizes: whether all sizes are the notebook's own.
    """

    name: str
    overrides: dict[str, int | float] = field(default_factory=dict)
    dtype: str = "float64"
    public_sizes: bool = True


PUBLIC = Case("public", dtype="float32")
"""The notebook as it is: what the student sees, and what `exact` is decided on."""


def parameters(exercise: Exercise) -> dict[str, Any]:
    """The plain assignments of the parameters cell."""
    found: dict[str, Any] = {}
    for source in exercise.setup[: exercise.parameters]:
        for node in ast.parse(source).body:
            match node:
                case ast.Assign([ast.Name(name)], ast.Constant(value)):
                    found[name] = value
    return found


def draw(exercise: Exercise, secret: bytes, number: int, attempt: int = 0) -> Case:
    """Hidden case `number` (from 0); the same secret gives the same case. attempt: counts draws that were no use.

    Raises ExerciseError where the exercise has no seed to draw.
    """
    key = hashlib.sha256(b"%b/%b/%d/%d" % (secret, exercise.name.encode(), number, attempt)).digest()
    source = random.Random(key)
    seeds, sizes = _seeds_and_sizes(exercise)
    overrides: dict[str, int | float] = {name: source.randrange(2**31) for name in seeds}
    public_sizes = number < PUBLIC_SIZES
    if number == PUBLIC_SIZES + OTHER_SIZES - 1:
        overrides |= _in_another_order(sizes, source)
    elif not public_sizes:
        overrides |= _other_sizes(sizes, source)
    return Case(f"hidden {number + 1}", overrides, public_sizes=public_sizes)


def seed_names(exercise: Exercise) -> list[str]:
    """Return the parameters that are drawn anew for every hidden case."""
    return _seeds_and_sizes(exercise)[0]


def number_of_cases(exercise: Exercise) -> int:
    """How many hidden cases an exercise has: without sizes there are only those of public sizes."""
    return PUBLIC_SIZES + (OTHER_SIZES if _seeds_and_sizes(exercise)[1] else 0)


def _seeds_and_sizes(exercise: Exercise) -> tuple[list[str], dict[str, int]]:
    plain = parameters(exercise)
    integers = {name: value for name, value in plain.items() if type(value) is int}
    seeds = [name for name in integers if "seed" in name.lower()]
    if not seeds:
        raise ExerciseError(f"{exercise.path}: no parameter is a seed; hidden cases need one, such as SEED = 42")
    return seeds, {name: value for name, value in integers.items() if name not in seeds and value > 1}


def _in_another_order(sizes: dict[str, int], source: random.Random) -> dict[str, int]:
    """New sizes, of many draws those of which most changed places by order.

    A loop over a size that is not its own fails late where it goes too far, after the right work is done. Only
    where it does not go far enough is something left out.
    """
    pairs = [(small, large) for small in sizes for large in sizes if sizes[small] < sizes[large]]
    draws = [_other_sizes(sizes, source) for _ in range(SIZE_DRAWS)]
    return max(draws, key=lambda drawn: sum(drawn[small] > drawn[large] for small, large in pairs))


def _other_sizes(sizes: dict[str, int], source: random.Random) -> dict[str, int]:
    """A new value for every size: no factor shared with its public value, and all different from each other."""
    chosen: dict[str, int] = {}
    for name, public in sizes.items():
        end = min(public, MAX_SIZE) + 3
        free = (
            s for s in itertools.count(max(2, public // 3)) if math.gcd(s, public) == 1 and s not in chosen.values()
        )
        # There is always a first, beyond the end if need be.
        chosen[name] = source.choice([next(free), *itertools.takewhile(end.__gt__, free)])
    return chosen
