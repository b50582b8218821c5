"""Two changes that mend a cell together: where each does its part alone, they are found without trying every pair.

What two changes of different terms do adds up, and what two changes of different factors do is multiplied. So the
change that the first one lacks is known by its numbers, and is looked up among all others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Any

import torch

from .cell import StudentCell, Trial, is_right
from .edit import Edit
from .fit import largest
from .forward import Tensor

PAIRS = 1500  # pairs of changes that are tried without a reason
ALIKE = 12  # changes of one sort of which two are tried together
LOOKED_AT = 2000  # pairs whose sums, or products, are compared
MATCHES = 60  # of those that are right, so many are tried
NEAR = 1e-8  # how far a sum of two may be off, relative to the largest: rounding of float64


def mends(cell: StudentCell, changes: Mapping[Any, Any], trials: Sequence[Trial]) -> bool:
    """Return whether the cell is right on every trial with these changes."""
    return all(is_right(cell.result(trial, changes), trial) for trial in trials)


def twice(cell: StudentCell, sorts: Iterable[Sequence[Edit]], trials: Sequence[Trial]) -> list[Edit]:
    """Return two changes of one sort, which mend the same slip at two places; [] where there are none."""
    pairs = (pair for edits in sorts for pair in combinations(edits[:ALIKE], 2))
    return _first_that_mends(cell, pairs, trials)


def matching(cell: StudentCell, tried: Sequence[tuple[Edit, Tensor | None]], trials: Sequence[Trial]) -> list[Edit]:
    """Return two changes that mend different terms or factors of a cell; [] where there are none.

    tried: each change with what the cell gives with it on the first trial.
    """
    total, base = trials[0].total, cell.result(trials[0], {})
    if base is None or base.shape != total.shape:
        return []
    known = [(edit, found.double()) for edit, found in tried if found is not None and found.shape == total.shape]
    known = [(edit, found) for edit, found in known if bool(torch.isfinite(found).all())]
    if len(known) < 2:
        return []
    edits, results = [edit for edit, _ in known], torch.stack([found.flatten() for _, found in known])
    base, goal = base.double().flatten(), total.flatten()
    numbers = list(_adding_up(results - base, goal - base))
    alive = (base != 0) & (goal != 0)
    if bool(alive.any()):
        by = (results[:, alive] / base[alive]).abs()
        whole = (by > 0).all(1)
        by[~whole] = 1
        at = whole.nonzero().flatten().tolist()
        logs = by[whole].log()
        numbers += [(at[one], at[other]) for one, other in _adding_up(logs, (goal[alive] / base[alive]).abs().log())]
    pairs = ((edits[one], edits[other]) for one, other in sorted(numbers, key=sum)[:MATCHES])
    return _first_that_mends(cell, pairs, trials)


def likely_with_any(
    cell: StudentCell, likely: Sequence[Edit], others: Sequence[Edit], trials: Sequence[Trial]
) -> list[Edit]:
    """Return one of the likeliest changes and one of many that mend a cell together; [] where none do."""
    most = cell.affordable(PAIRS)
    pairs = ((one, other) for other in others for one in likely)
    return _first_that_mends(cell, islice(pairs, most), trials)


def any_two(cell: StudentCell, tried: Sequence[Edit], trials: Sequence[Trial]) -> list[Edit]:
    """Return two changes that mend a cell together, the likeliest first; [] where none of so many do."""
    pairs = (
        (tried[low], tried[total - low])
        for total in range(1, 2 * len(tried))
        for low in range(max(0, total - len(tried) + 1), (total + 1) // 2)
    )
    apart = (pair for pair in pairs if _are_apart(*pair))
    return _first_that_mends(cell, islice(apart, cell.affordable(PAIRS)), trials)


def _are_apart(one: Edit, other: Edit) -> bool:
    """Return whether two changes can be made together and each mean something: two transposes may undo each other."""
    return not (_turns(one) and _turns(other)) and not one.changes.keys() & other.changes.keys()


def _turns(edit: Edit) -> bool:
    """Return whether a change transposes anything, and no operand of a product that it names."""
    return edit.sentence.startswith("`") and edit.sentence.endswith(" must be transposed")


def _first_that_mends(cell: StudentCell, pairs: Iterable[tuple[Edit, Edit]], trials: Sequence[Trial]) -> list[Edit]:
    for one, other in pairs:
        if cell.is_late:
            return []
        if _are_apart(one, other) and mends(cell, {**one.changes, **other.changes}, trials):
            return [one, other]
    return []


def _adding_up(rows: Tensor, goal: Tensor) -> Iterator[tuple[int, int]]:
    """Yield the pairs of rows that add up to the goal, by one number made of each at random; not more than LOOKED_AT.

    A row that is zero, or the goal itself, is left out: any change goes with one that does nothing.
    """
    if not len(rows) or not torch.isfinite(goal).all():
        return
    slack = NEAR * max(largest(rows), largest(goal))
    does = ((rows.abs().amax(1) > slack) & ((rows - goal).abs().amax(1) > slack)).nonzero().flatten()
    weights = torch.rand(rows.shape[1], generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.5
    sums, wanted = rows[does] @ weights, float(goal @ weights)
    ordered, order = sums.sort()
    reach = slack * rows.shape[1]
    low = torch.searchsorted(ordered, wanted - sums - reach).tolist()
    high = torch.searchsorted(ordered, wanted - sums + reach, right=True).tolist()
    numbers, others = does.tolist(), order.tolist()
    near = (
        (numbers[one], numbers[other])
        for one, (start, end) in enumerate(zip(low, high, strict=True))
        for other in others[start:end]
        if one < other
    )
    for one, other in islice(near, LOOKED_AT):
        if float((rows[one] + rows[other] - goal).abs().max()) <= slack:
            yield one, other
