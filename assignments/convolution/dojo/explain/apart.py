"""Paths that a cell adds up in one statement: where several of them are wrong, each is mended by itself."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from .cell import StudentCell, Trial, is_right
from .edit import terms_of
from .question import parts_of


def paths_of(cell: StudentCell, trials: Sequence[Trial]) -> list[tuple[StudentCell, list[Trial]]]:
    """Return the wrong ones of the terms that a cell's last statement adds, as cells of their own.

    Each trial of a term holds what the term gave, and the part of the gradient that comes by its path. [] where the
    terms and the paths do not belong together one to one, or fewer than two are wrong.
    """
    last = cell.body[-1]
    if not isinstance(last, ast.Assign) or ast.unparse(last.targets[0]) != cell.name:
        return []
    terms = [term if added else ast.UnaryOp(ast.USub(), term) for term, added in terms_of(last.value)]
    routes = trials[0].scene.routes
    owners = [arriving_in(term, cell) for term in terms]
    if not 1 < len(terms) == len(routes) == len(set().union(*owners)) or any(len(owner) != 1 for owner in owners):
        return []
    found = []
    for term, owner in zip(terms, owners, strict=True):
        target = cell.arriving[owner.pop()].target
        body = [*cell.body[:-1], ast.copy_location(ast.Assign(last.targets, term), last)]
        tried = [_trial_of(replace(cell, body=body), trial, target) for trial in trials]
        parts = [trial for trial in tried if trial is not None]
        if len(parts) < len(trials):
            return []
        if all(is_right(trial.found, trial) for trial in parts):
            continue
        read = StudentCell.of(body, cell.name, parts[0], cell.until)
        if read is None:
            return []
        found.append((read, parts))
    return found if len(found) > 1 else []


def _trial_of(cell: StudentCell, trial: Trial, target: str) -> Trial | None:
    value = cell.result(trial, {})
    if value is None:
        return None
    routes = tuple(route for route in trial.scene.routes if route.target == target)
    total = parts_of(trial.scene)[target]
    return replace(trial, scene=replace(trial.scene, routes=routes), found=value.double(), total=total)


def arriving_in(term: ast.expr, cell: StudentCell) -> set[str]:
    """Return the names of the arriving gradients that a term is made from, by way of names of the cell's own too."""
    seen: set[str] = set()
    todo = {part.id for part in ast.walk(term) if isinstance(part, ast.Name)}
    while todo:
        name = todo.pop()
        seen.add(name)
        for statement in cell.body[:-1]:
            stored = {p.id for p in ast.walk(statement) if isinstance(p, ast.Name) and isinstance(p.ctx, ast.Store)}
            if name in stored:
                todo |= {p.id for p in ast.walk(statement) if isinstance(p, ast.Name)} - seen
    return seen & cell.arriving.keys()
