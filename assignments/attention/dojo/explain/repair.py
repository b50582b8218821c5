"""Find the smallest change with which a student's cell gives the right gradient: what it undoes is the mistake.

A change counts only where the changed cell is right on every trial, on sizes of which some differ and on gradients that
arrive at random. So the sentence holds for more than one set of numbers, and could have been false on each.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import torch

from . import edit_order
from .apart import paths_of
from .blocks import blocks_of
from .cascade import agreed
from .cell import StudentCell, Trial, is_right
from .edit import Edit, quoted
from .fit import ENOUGH, distance, largest, multiple
from .forward import Route, Tensor, double
from .order import LIKELY, MANY, Maker
from .pairs import any_two, likely_with_any, matching, mends, twice
from .sentences import Explanation
from .similar import in_a_path, in_a_route, places
from .simple import constant
from .words import derivatives

SINGLE = 6000  # single changes that are tried
SHARE = 10  # a change that mends less than one in SHARE elements may do so by chance
ALIKE = 12  # changes that are right but for a constant, whose constant is looked at
GRACE = 0.1  # seconds for pairs that are known by their numbers, where the time is over
LIKELIEST = 5  # changes, such as of a sign, that are tried together with each of the less likely ones
SEVERAL = 4  # changes that together mend a cell part by part


def repaired(source: str, name: str, trials: Sequence[Trial], until: float = math.inf) -> Explanation | None:
    """Explain what has to change in a cell so that its gradient is right; None where no small change does it.

    source: the code of all cells of this gradient. name: the variable that it makes. until: when to give up, in this
    thread's processor time.
    """
    read = read_cell(source, name, trials, until)
    if read is None:
        return None
    cell, trials = read
    with double(), torch.no_grad():
        edits = _mending(cell, trials)
        return _explained(edits, cell) if edits else None


def _mending(cell: StudentCell, trials: Sequence[Trial], first: list[Maker] | None = None) -> list[Edit]:
    """Return the changes that mend a cell on all trials; [] where none are found. first: as of _small_change."""
    blocks = blocks_of(cell, trials)
    if blocks:  # each by itself, since most changes elsewhere cannot mend it
        for swap in edit_order.swapped_entries(cell):
            if mends(cell, swap.changes, trials):
                return [swap]
        likely: list[Maker] = []  # the same slip is made again and again
        found = [_mending(*block, likely) for block in blocks]
        every = {edit.sentence: edit for edits in found for edit in edits}
        return list(every.values()) if all(found) else []
    return _small_change(cell, trials, first)


def _small_change(cell: StudentCell, trials: Sequence[Trial], first: list[Maker] | None = None) -> list[Edit]:
    """Return the changes that mend a cell. first: the makers that are asked before all; gets the one that mended it."""
    tried: list[tuple[Edit, Tensor | None]] = []
    sorts: dict[tuple[Maker, str], list[Edit]] = {}  # the same, by who made them and of what kind
    before = _right_places(cell.result(trials[0], {}), trials[0])
    better: list[tuple[int, Edit]] = []
    multiples: list[Edit] = []
    others: list[tuple[Edit, Tensor | None]] = []
    left = cell.affordable(SINGLE)
    for makers in (tuple(first or ()), LIKELY, MANY):
        for make, edit in islice(((maker, each) for maker in makers for each in maker(cell)), left):
            left -= 1
            if cell.is_late:
                return _of_two(replace(cell, until=cell.until + GRACE), tried, others, trials)
            found = cell.result(trials[0], edit.changes)
            if is_right(found, trials[0]) and mends(cell, edit.changes, trials[1:]):
                if first is not None:
                    first.insert(0, make)
                return [edit]
            multiples += [edit] if _is_multiple(found, trials[0]) else []
            places = _right_places(found, trials[0])
            if places is not None and before is not None and bool((places >= before).all()):
                gain = int(places.sum()) - int(before.sum())
                if gain * SHARE >= places.numel():
                    better.append((gain, edit))
            if edit.light:
                tried.append((edit, found))
                sorts.setdefault((make, edit.kind), []).append(edit)
            else:
                others.append((edit, found))
        if makers is LIKELY and (same := twice(cell, sorts.values(), trials) or _by_paths(cell, trials)):
            return same
    return (
        _by_parts(cell, better, trials)
        or _with_factor(cell, multiples, trials)
        or _one_mistake(trials)
        or _of_two(cell, tried, others, trials)
        or likely_with_any(cell, [edit for edit, _ in tried[:LIKELIEST]], [edit for edit, _ in others], trials)
        or any_two(cell, [edit for edit, _ in tried], trials)
    )


def _of_two(
    cell: StudentCell,
    tried: Sequence[tuple[Edit, Tensor | None]],
    others: Sequence[tuple[Edit, Tensor | None]],
    trials: Sequence[Trial],
) -> list[Edit]:
    """Return two changes that each do their part, the likelier ones first; [] where there are none."""
    return matching(cell, tried, trials) or matching(cell, [*tried, *others], trials)


def _by_paths(cell: StudentCell, trials: Sequence[Trial]) -> list[Edit]:
    """Return changes that each mend one of the paths that the cell adds up; [] where one of them stays wrong."""
    found = [_small_change(*path) for path in paths_of(cell, trials)]
    return [edit for edits in found for edit in edits] if found and all(found) else []


def _with_factor(cell: StudentCell, multiples: Sequence[Edit], trials: Sequence[Trial]) -> list[Edit]:
    """Return a change after which the cell is right up to a constant that has a name, and what is said of that."""
    for edit in multiples[:ALIKE]:
        results = [cell.result(trial, edit.changes) for trial in trials]
        after = [replace(t, found=r.double()) for t, r in zip(trials, results, strict=True) if r is not None]
        found = agreed(after, (constant,)) if len(after) == len(trials) else None
        if found is not None and not found.vague:
            return [edit, Edit("factor", found.sentence, {})]
    return []


def _one_mistake(trials: Sequence[Trial]) -> list[Edit]:
    """Return a mistake in one line that the numbers alone show, as it is likelier than two; [] where there is none."""
    if trials[0].total.shape != trials[0].scene.value.shape:  # of a block
        return []
    found = agreed(trials, (places, in_a_route, in_a_path))
    return [] if found is None or found.vague else [Edit(found.kind, found.sentence, {})]


def _is_multiple(found: Tensor | None, trial: Trial) -> bool:
    """Return whether a tensor is the right gradient of a trial but for a constant."""
    if found is None or found.shape != trial.total.shape or found.numel() < ENOUGH:
        return False
    other = found.double()
    by = multiple(trial.total, other)
    return abs(by) > trial.close and distance(by * other, trial.total) <= trial.close * largest(trial.total)


def read_cell(
    source: str, name: str, trials: Sequence[Trial], until: float = math.inf
) -> tuple[StudentCell, list[Trial]] | None:
    """Return the cell and the trials, the smallest first; None where it does not give on each what was found."""
    if len(trials) < 2:
        return None
    with double(), torch.no_grad():
        ordered = sorted(map(_with_derivatives, trials), key=lambda trial: trial.total.numel())
        if trials[0].raised:
            return _that_raised(source, name, ordered, until)
        cell = StudentCell.read(source, name, ordered[0], until)
        if cell is None or not all(_reproduces(cell, trial) for trial in ordered):
            return None
    return cell, ordered


def _that_raised(
    source: str, name: str, trials: Sequence[Trial], until: float
) -> tuple[StudentCell, list[Trial]] | None:
    """Return the cell on a trial on which it raises, and that trial first: sizes may happen to fit on others."""
    for trial in trials:
        cell = StudentCell.read(source, name, trial, until)
        if cell is not None and cell.trial.raised:
            return cell, [trial, *(other for other in trials if other is not trial)]
    return None


def _with_derivatives(trial: Trial) -> Trial:
    return replace(trial, names={**trial.names, **derivatives(trial.scene)})


def _explained(edits: list[Edit], cell: StudentCell) -> Explanation:
    sentence = "; and ".join(edit.sentence for edit in edits[:2]) + ("; and so on" if len(edits) > 2 else "")
    sentence += _place(edits[0], cell)
    routes = cell.trial.scene.routes
    near = {_route_of(next(iter(edit.changes)), cell) for edit in edits if edit.changes}
    route = routes[0] if len(routes) == 1 else near.pop() if len(near) == 1 else None
    through = "" if route is None else cell.trial.scene.through(route)
    if len(routes) > 1 and route is not None and f"`{through}`" not in sentence and edits[0].kind != "upstream":
        sentence += f" (in the gradient through `{through}`)"
    elif route is not None and edits[0].kind in ("function", "epsilon") and "derivative" not in sentence:
        sentence += f" (in the derivative of {route.text})"
    return Explanation(edits[0].kind, sentence, sentence)


def _place(edit: Edit, cell: StudentCell) -> str:
    """Return words for the place of a change, where the same code stands at several; else ""."""
    node = next(iter(edit.changes)) if len(edit.changes) == 1 else None
    if node is None or len(cell.same.get(ast.unparse(node), ())) < 2:
        return ""
    first = node = cell.parents.get(node)
    while node is not None and len(cell.same.get(ast.unparse(node), ())) > 1:
        node = cell.parents.get(node)
    if not isinstance(node, ast.expr) or not isinstance(first, ast.expr):
        return ""
    return f", in {quoted(node)}" if first is node else f", in {quoted(first)} of {quoted(node)}"


def _route_of(node: ast.AST | None, cell: StudentCell) -> Route | None:
    """Return the route in whose term a node stands: the one whose gradient is nearest to it; None where unclear."""
    while node is not None:
        inside = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} & cell.arriving.keys()
        if inside:
            return cell.arriving[inside.pop()] if len(inside) == 1 else None
        node = cell.parents.get(node)
    return None


def _by_parts(cell: StudentCell, better: list[tuple[int, Edit]], trials: Sequence[Trial]) -> list[Edit]:
    """Return changes that each mend some elements, and together all of them; [] where there are none."""
    changes: dict[ast.AST, Any] = {}
    chosen: list[Edit] = []
    count = _right_places(cell.result(trials[0], {}), trials[0])
    for _, edit in sorted(better, key=lambda pair: -pair[0]):
        if cell.is_late:
            return []
        if edit.changes.keys() & changes.keys() or len(chosen) == SEVERAL:
            continue
        places = _right_places(cell.result(trials[0], {**changes, **edit.changes}), trials[0])
        if places is not None and count is not None and int(places.sum()) > int(count.sum()):
            changes, count = {**changes, **edit.changes}, places
            chosen.append(edit)
            if mends(cell, changes, trials):
                return chosen
    return []


def _reproduces(cell: StudentCell, trial: Trial) -> bool:
    given = cell.result(trial, {})
    if given is None or given.shape != trial.found.shape:
        return False
    # What cancels to nearly nothing is known up to rounding of the terms only.
    size = max(largest(trial.found), largest(trial.total))
    return distance(given.double(), trial.found.double()) <= trial.close * size


def _right_places(found: Tensor | None, trial: Trial) -> Tensor | None:
    if found is None or found.shape != trial.total.shape:
        return None
    return (found.double() - trial.total).abs() <= trial.close * largest(trial.total)
