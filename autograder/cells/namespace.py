"""Run an exercise's own cells in a fresh namespace, and lay the values of one case over the names of another."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import torch

from autograder.cells.errors import SetupError
from autograder.dojo.structure import rebuilt, tensors_in

if TYPE_CHECKING:
    from autograder.cells.ipython import CellShell

COMPILER = "torch._dynamo"
DTYPES = {"float32": torch.float32, "float64": torch.float64}


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


def run_autograd(names: Mapping[str, Any], sources: tuple[str, ...], *, keep: bool = False) -> dict[str, Any]:
    """Run the forward and autograd cells of the exercise on `names` and return all names.

    keep: leave every `.grad` where it is; else none is left on the tensors of `names`.
    """
    after = dict(names)
    leaves = [] if keep else [tensor for _, tensor in tensors_in(names) if tensor.is_leaf]
    with torch.random.fork_rng(devices=[]), _without_compiler():
        for source in sources:
            exec(compile(source, "<autograd cell>", "exec"), after)
    for leaf in leaves:
        leaf.grad = None
    after.pop("__builtins__", None)
    return after


class _NoCompiler(ModuleType):
    """Stands in for torch._dynamo until more is asked of it than to leave code alone."""

    @staticmethod
    def disable(fn: Any, *args: Any, **kwargs: Any) -> Any:
        """Return the function: nothing compiles it."""
        return fn

    @staticmethod
    def graph_break(*args: Any, **kwargs: Any) -> None:
        """Do nothing: there is no graph."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        sys.modules.pop(COMPILER, None)
        return getattr(importlib.import_module(COMPILER), name)


@contextlib.contextmanager
def _without_compiler() -> Iterator[None]:
    """Keep torch.optim from importing torch's compiler, which it does to be left alone by it: that takes 1.6 s."""
    if COMPILER in sys.modules:
        yield
        return
    stand_in = sys.modules[COMPILER] = _NoCompiler(COMPILER)
    try:
        yield
    finally:
        if sys.modules.get(COMPILER) is stand_in:
            del sys.modules[COMPILER]


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
    names: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor],
    scalars: Mapping[str, Any],
    structures: Mapping[str, Any],
) -> dict[str, Any]:
    """Return `names` with the tensors, plain values and containers of another case; functions and the rest stay.

    tensors, structures: as cells/structure.py describes them.
    """
    named = {name: tensor for name, tensor in tensors.items() if name.isidentifier()}
    return dict(names) | dict(scalars) | named | rebuilt(dict(structures), dict(tensors), names)


def clear(shell: CellShell) -> None:
    """Delete every name that cells have defined; IPython's own names stay."""
    for name in user_names(shell):
        del shell.user_ns[name]


def user_names(shell: CellShell) -> dict[str, Any]:
    """Return the values that cells have defined so far, by name."""
    hidden = shell.user_ns_hidden
    return {name: value for name, value in shell.user_ns.items() if name not in hidden and not name.startswith("_")}


def _run(shell: CellShell, sources: tuple[str, ...]) -> None:
    from autograder.cells.ipython import run_cell  # imports IPython, which a run with kept references does without

    for source in sources:
        error = run_cell(shell, source).error
        if error is not None:
            raise SetupError(f"a setup cell of the exercise failed: {error}")
