"""Draw other sizes for an exercise: one choice with all of them larger, one with all smaller and in another order."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

GROWTH = 0.4  # the largest part by which a size grows; every trial pays for large ones
SIZE_DRAWS = 200
MEETING_DRAWS = 2000  # of sizes that meet what the parameters cell demands; one takes some microseconds


def larger(sizes: dict[str, int], source: random.Random) -> dict[str, int]:
    """Return a larger value for every size."""
    return _drawn(sizes, source, lambda public: (public + 1, public + max(3, round(GROWTH * public))))


def smaller_in_another_order(sizes: dict[str, int], source: random.Random) -> dict[str, int]:
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


def meeting(
    asked: Sequence[str], constants: Mapping[str, Any], sizes: dict[str, int], source: random.Random, *, larger: bool
) -> dict[str, int] | None:
    """Return other sizes that meet the demands; None where no draw does.

    Of many draws it is the best: it shares the fewest factors with the public sizes, and smaller sizes most change
    places by order. asked: the demands, as expressions. constants: all parameters.
    """
    pairs = [(small, large) for small in sizes for large in sizes if sizes[small] < sizes[large]]
    best: tuple[int, dict[str, int]] | None = None
    for number in range(MEETING_DRAWS):
        # Wider the longer it takes: a size that must be a multiple of three others needs room.
        room = 1 + number * 4 // MEETING_DRAWS
        drawn = {
            name: source.randint(public + 1, public + room * max(3, round(GROWTH * public)))
            if larger
            else source.randint(2, max(2, public - 1))
            for name, public in sizes.items()
        }
        if not _met(asked, {**constants, **drawn}):
            continue
        faults = sum(math.gcd(value, sizes[name]) > 1 for name, value in drawn.items())
        faults += 2 * (len(drawn) - len(set(drawn.values()))) + 4 * sum(sizes[n] == v for n, v in drawn.items())
        if not larger:  # see smaller_in_another_order
            faults -= sum(drawn[small] > drawn[large] for small, large in pairs)
        if best is None or faults < best[0]:
            best = (faults, drawn)
        if larger and faults == 0:
            break
    return None if best is None else best[1]


def _met(asked: Sequence[str], names: dict[str, Any]) -> bool:
    try:
        return all(eval(demand, {}, names) for demand in asked)  # the exercise's own cell
    except Exception:
        return False
