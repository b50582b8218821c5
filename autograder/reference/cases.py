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
from dataclasses import dataclass, field
from typing import Any

from autograder.exercise.notebook import Exercise, ExerciseError

# Hidden cases of the notebook's own sizes and of other sizes. With these no wrong answer of `make test-marks` earns
# full marks, and a reason is found in several cases before it is given.
PUBLIC_SIZES = 3
OTHER_SIZES = 3
MAX_SIZE = 96  # of a drawn size: small sizes show a wrong one as well, and every submission pays for large ones
SIZE_DRAWS = 200  # of sizes, of which the one in the most different order is taken
DRAWS = 20  # of one case before the exercise is refused


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
    public_sizes = number < PUBLIC_SIZES
    if number == PUBLIC_SIZES + OTHER_SIZES - 1:
        overrides |= _in_another_order(sizes, source)
    elif not public_sizes:
        overrides |= _other_sizes(sizes, source)
    return Case(f"hidden {number + 1}", overrides, public_sizes=public_sizes)


def number_of_cases(exercise: Exercise) -> int:
    """Return how many hidden cases an exercise has; one without sizes has only cases of public sizes."""
    return PUBLIC_SIZES + (OTHER_SIZES if _seeds_and_sizes(exercise)[1] else 0)


def _seeds_and_sizes(exercise: Exercise) -> tuple[list[str], dict[str, int]]:
    plain = parameters(exercise)
    integers = {name: value for name, value in plain.items() if type(value) is int}
    seeds = [name for name in integers if "seed" in name.lower()]
    if not seeds:
        raise ExerciseError(f"{exercise.path}: no parameter is a seed; hidden cases need one, such as SEED = 42")
    return seeds, {name: value for name, value in integers.items() if name not in seeds and value > 1}


def _in_another_order(sizes: dict[str, int], source: random.Random) -> dict[str, int]:
    """Return new sizes: of many draws the one that reverses the order of most pairs of sizes.

    A loop over the wrong size does all the right work first where that size is too large, and only then fails. Only
    where it is too small does the loop leave something out.
    """
    pairs = [(small, large) for small in sizes for large in sizes if sizes[small] < sizes[large]]
    draws = [_other_sizes(sizes, source) for _ in range(SIZE_DRAWS)]
    return max(draws, key=lambda drawn: sum(drawn[small] > drawn[large] for small, large in pairs))


def _other_sizes(sizes: dict[str, int], source: random.Random) -> dict[str, int]:
    """Return a new value for every size: coprime to its public value, and different from all others."""
    chosen: dict[str, int] = {}
    for name, public in sizes.items():
        end = min(public, MAX_SIZE) + 3
        free = (
            s for s in itertools.count(max(2, public // 3)) if math.gcd(s, public) == 1 and s not in chosen.values()
        )
        # The first may lie beyond the end, so that there always is one.
        chosen[name] = source.choice([next(free), *itertools.takewhile(end.__gt__, free)])
    return chosen
