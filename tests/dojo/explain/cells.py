"""A student's cell on three trials of different sizes, for the tests of what mends it."""

from __future__ import annotations

from types import ModuleType

import torch

from autograder.dojo.explain.cell import StudentCell, Trial
from autograder.dojo.explain.forward import Scene, find_routes, read_lines
from autograder.dojo.explain.order import LIKELY, MANY
from autograder.dojo.explain.question import parts_of
from autograder.dojo.explain.repair import mends, read_cell
from autograder.dojo.explain.trials import evaluated


def trials(forward: str, tensor: str, code: str, **leaves: tuple[int, ...]) -> list[Trial]:
    """Return trials of a cell that makes the gradient of a tensor. leaves: the shapes of what the first line reads.

    A 0 in a shape stands for a size that differs from trial to trial.
    """
    found = []
    for number, size in enumerate((5, 4, 7)):
        source = torch.Generator().manual_seed(number)
        names: dict = {"torch": torch, "F": torch.nn.functional, "n": size}
        for name, shape in leaves.items():
            whole = tuple(size if axis == 0 else axis for axis in shape)
            names[name] = torch.randn(whole, generator=source, dtype=torch.float64)
        exec(forward, names)
        lines = read_lines(forward)
        targets = [line.target for line in lines]
        routes = find_routes(lines, tensor, targets)
        upstream = {t: torch.randn(names[t].shape, generator=source, dtype=torch.float64) for t in targets}
        scene = Scene(tensor, routes, names, upstream)
        total = sum(parts_of(scene).values(), torch.zeros_like(scene.value))
        known = {**names, **{f"d{t}": value for t, value in upstream.items() if t != tensor}}
        value = evaluated(code, f"d{tensor}", known)
        assert value is not None, code
        found.append(Trial(scene, known, value, total, number == 0))
    return found


def cell(forward: str, tensor: str, code: str, **leaves: tuple[int, ...]) -> StudentCell:
    """Return the cell on the smallest of those trials."""
    read = read_cell(code, f"d{tensor}", trials(forward, tensor, code, **leaves))
    assert read is not None
    return read[0]


def mended(module: ModuleType, forward: str, tensor: str, code: str, **leaves: tuple[int, ...]) -> list[str]:
    """Return the sentences of a module's edits with which the cell is right on all trials, in the module's order."""
    read = read_cell(code, f"d{tensor}", trials(forward, tensor, code, **leaves))
    assert read is not None
    student, tried = read
    found = []
    with torch.no_grad():
        for make in (make for make in (*LIKELY, *MANY) if make.__module__ == module.__name__):
            found += [edit.sentence for edit in make(student) if mends(student, edit.changes, tried)]
    return found
