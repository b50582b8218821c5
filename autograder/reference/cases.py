"""Draw hidden cases from the course secret: the exercise with other parameters.

By convention a parameter whose name contains "seed" is a seed and is drawn anew for every case; any other
parameter that is an integer above 1 is a size, kept in the cases of public sizes and changed in the others. One with
the comment `# fixed` is no size, and what an `assert` in the parameters cell demands holds for every case.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from typing import Any

from autograder.dojo.trial.parameters import constants_in, demands_in, fixed_in
from autograder.dojo.trial.sizes import larger, meeting, smaller_in_another_order
from autograder.exercise.notebook import Exercise, ExerciseError

PUBLIC_SIZES = 2  # where random numbers decide, two cases say as much as three (tests/marks: no wrong answer passes)
# One case has every size larger: a loop that is too short does nothing wrong at smaller ones before it fails.
LARGER = PUBLIC_SIZES
# One has them smaller and in another order: a loop that is too long fails only there.
SMALLER = PUBLIC_SIZES + 1
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
    return constants_in("\n".join(exercise.setup[: exercise.parameters]))


def fixed(exercise: Exercise) -> set[str]:
    """Return the parameters that are declared not to be sizes, such as the k of top-k: `k = 2  # fixed`."""
    return fixed_in("\n".join(exercise.setup[: exercise.parameters]))


def demands(exercise: Exercise) -> list[str]:
    """Return what sizes need of each other, as the `assert` lines of the parameters cell say it."""
    return demands_in("\n".join(exercise.setup[: exercise.parameters]))


def draw(exercise: Exercise, secret: bytes, number: int, attempt: int = 0) -> Case:
    """Draw hidden case `number`, counted from 0; the same arguments give the same case.

    attempt: how many draws of this case were of no use before. Raises ExerciseError where the exercise has no seed.
    """
    key = hashlib.sha256(b"%b/%b/%d/%d" % (secret, exercise.name.encode(), number, attempt)).digest()
    source = random.Random(key)
    seeds, sizes = _seeds_and_sizes(exercise)
    overrides: dict[str, int | float] = {name: source.randrange(2**31) for name in seeds}
    asked = demands(exercise)
    if asked and number >= PUBLIC_SIZES:
        overrides |= _meeting(exercise, asked, sizes, source, larger=number == LARGER)
    elif number == LARGER:
        overrides |= larger(sizes, source)
    elif number == SMALLER:
        overrides |= smaller_in_another_order(sizes, source)
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
    kept = {*seeds, *fixed(exercise)}
    return seeds, {name: value for name, value in integers.items() if name not in kept and value > 1}


def _meeting(
    exercise: Exercise, asked: list[str], sizes: dict[str, int], source: random.Random, *, larger: bool
) -> dict[str, int]:
    """Return other sizes that meet the demands. Raises ExerciseError where no draw meets them."""
    found = meeting(asked, parameters(exercise), sizes, source, larger=larger)
    if found is None:
        which = "larger" if larger else "smaller"
        raise ExerciseError(
            f"{exercise.path}: the parameters cell demands {' and '.join(asked)}, and no {which} sizes were found that "
            f"meet it; choose the notebook's sizes so that there are some, or declare what must stay: `k = 2  # fixed`"
        )
    return found
