"""Blocks of a gradient that a cell puts side by side, with torch.cat: each is mended by itself."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from dataclasses import replace

from .apart import arriving_in
from .cell import StudentCell, Trial
from .fit import distance, largest
from .forward import Tensor
from .words import derivatives, slopes_of

JOINING = ("cat", "concat", "concatenate", "hstack", "stack")


def blocks_of(cell: StudentCell, trials: Sequence[Trial]) -> list[tuple[StudentCell, list[Trial]]]:
    """Return the wrong ones of the blocks that a cell's last statement joins, as cells of their own; [] for none.

    Each trial of a block holds what the block gave, and the part of the gradient that belongs there.
    """
    last = _with_list(cell)
    match last:
        case ast.Assign(
            [ast.Name(cell.name)], ast.Call(ast.Attribute(_, name), [ast.List(entries) | ast.Tuple(entries), *_])
        ):
            pass
        case _:
            return []
    if name not in JOINING or any(trial.found.shape != trial.total.shape for trial in trials):
        return []
    blocks = []
    starts = [0] * len(trials)
    for entry in entries:
        body = [*cell.body[:-1], ast.copy_location(ast.Assign([ast.Name(cell.name, ast.Store())], entry), last)]
        block = replace(cell, body=body)
        tried = [_part(block, trial, start, name == "stack") for trial, start in zip(trials, starts, strict=True)]
        parts = [part for part in tried if part is not None]
        if len(parts) < len(trials):
            return []
        starts = [end for _, end in parts]
        if any(
            distance(t.found, t.total) > t.close * largest(trial.total)
            for (t, _), trial in zip(parts, trials, strict=True)
        ):
            arriving = arriving_in(entry, cell)
            alone = [_by(trial, arriving) for trial, _ in parts]
            read = StudentCell.of(body, cell.name, alone[0], cell.until)
            if read is None:
                return []
            blocks.append((read, alone))
    return blocks


def _by(trial: Trial, arriving: Collection[str]) -> Trial:
    """Return the trial with the routes of these gradients only, which a block is made of; with all if it has none."""
    routes = tuple(route for route in trial.scene.routes if f"d{route.target}" in arriving)
    if not routes:
        return trial
    scene = replace(trial.scene, routes=routes)
    # The derivatives are numbered along the routes.
    names = {name: value for name, value in trial.names.items() if name not in slopes_of(trial.scene)}
    return replace(trial, scene=scene, names=names | derivatives(scene))


def _with_list(cell: StudentCell) -> ast.stmt:
    """Return the last statement, with the list in it that the statement before it gives a name."""
    match cell.body[-2:]:
        case [
            ast.Assign([ast.Name(listed)], ast.List() | ast.Tuple() as entries),
            ast.Assign(targets, ast.Call(func, [ast.Name(joined), *rest], words)) as last,
        ] if listed == joined:
            return ast.copy_location(ast.Assign(targets, ast.Call(func, [entries, *rest], words)), last)
    return cell.body[-1]


def _part(block: StudentCell, trial: Trial, start: int, stacked: bool) -> tuple[Trial, int] | None:
    """Return (trial of one block, where the next block begins); None where the blocks do not lie along one axis."""
    found = block.result(trial, {})
    axis = _axis(found, trial.total, stacked)
    if found is None or axis is None:
        return None
    end = start + (1 if stacked else found.shape[axis])
    total = trial.total.select(axis, start) if stacked else trial.total.narrow(axis, start, end - start)
    return replace(trial, found=found.double(), total=total), end


def _axis(found: Tensor | None, total: Tensor, stacked: bool) -> int | None:
    if found is None or found.dim() + stacked != total.dim():
        return None
    shapes = [(*found.shape[:axis], *([1] if stacked else []), *found.shape[axis:]) for axis in range(total.dim())]
    differ = [[i for i in range(total.dim()) if shape[i] != total.shape[i]] for shape in shapes]
    fitting = {axes[0] for axis, axes in enumerate(differ) if len(axes) == 1 and (not stacked or axes[0] == axis)}
    return fitting.pop() if len(fitting) == 1 else None
