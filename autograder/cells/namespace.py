"""Run an exercise's own cells in a fresh namespace, and lay the values of one case over the names of another."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from autograder.cells.ipython import CellShell, run_cell

DTYPES = {"float32": torch.float32, "float64": torch.float64}


class SetupError(RuntimeError):
    """Raised where a setup cell of the exercise raises; the message has its error."""


def run_setup(
    shell: CellShell, setup: tuple[str, ...], parameters: int, overrides: Mapping[str, int | float], dtype: str
) -> dict[str, Any]:
    """Run the setup cells in a fresh namespace and return the names that they define.

    parameters: after how many of the cells the overrides are set. overrides: new values of parameters, by name.
    dtype: the default dtype meanwhile, "float32" or "float64". Raises SetupError.
    """
    clear(shell)
    with _collector_off(), default_dtype(dtype), torch.random.fork_rng(devices=[]):
        _run(shell, setup[:parameters])
        shell.user_ns.update(overrides)
        _run(shell, setup[parameters:])
    return user_names(shell)


def run_autograd(names: Mapping[str, Any], sources: tuple[str, ...]) -> dict[str, Any]:
    """Run the forward and autograd cells of the exercise on `names` and return all names; no `.grad` is left."""
    after = dict(names)
    leaves = [value for value in names.values() if isinstance(value, torch.Tensor) and value.is_leaf]
    with torch.random.fork_rng(devices=[]):
        for source in sources:
            exec(compile(source, "<autograd cell>", "exec"), after)
    for leaf in leaves:
        leaf.grad = None
    after.pop("__builtins__", None)
    return after


@contextlib.contextmanager
def _collector_off() -> Iterator[None]:
    """Stop garbage collection in the block.

    Data preparation makes lists by the hundred thousand, and each collection would walk through all of torch.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextlib.contextmanager
def default_dtype(name: str) -> Iterator[None]:
    """Give new tensors the dtype "float32" or "float64" in the block."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(DTYPES[name])
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def overlaid(
    names: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], scalars: Mapping[str, Any]
) -> dict[str, Any]:
    """Return `names` with the tensors and plain values of another case; modules, functions and the rest stay.

    A list of tensors that have names, such as a list of parameters, holds the other case's tensors then.
    """
    original = {id(value): name for name, value in names.items() if isinstance(value, torch.Tensor)}

    def here(value: Any) -> Any:
        return tensors.get(original.get(id(value), ""), value)

    kept = {k: [here(part) for part in v] if type(v) is list and len(v) < 1000 else v for k, v in names.items()}
    return kept | dict(scalars) | dict(tensors)


def clear(shell: CellShell) -> None:
    """Delete every name that cells have defined; IPython's own names stay."""
    for name in user_names(shell):
        del shell.user_ns[name]


def user_names(shell: CellShell) -> dict[str, Any]:
    """Return the values that cells have defined so far, by name."""
    hidden = shell.user_ns_hidden
    return {name: value for name, value in shell.user_ns.items() if name not in hidden and not name.startswith("_")}


def _run(shell: CellShell, sources: tuple[str, ...]) -> None:
    for source in sources:
        error = run_cell(shell, source).error
        if error is not None:
            raise SetupError(f"a setup cell of the exercise failed: {error}")
