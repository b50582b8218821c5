"""Run an exercise's own setup and forward cells for one case; used on both sides of the sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch

from autograder.shell import CellShell, run_cell

DTYPES = {"float32": torch.float32, "float64": torch.float64}


class SetupError(RuntimeError):
    """A setup or forward cell of the exercise raised; the message says which and why."""


@dataclass(frozen=True)
class Code:
    """The exercise's own code: setup cells, how many of them come before a case's overrides, the forward cell."""

    setup: tuple[str, ...]
    parameters: int
    forward: str


@dataclass(frozen=True)
class Case:
    """One way of running the exercise: parameters that differ from the notebook's, and the default dtype."""

    name: str
    overrides: dict[str, int | float] = field(default_factory=dict)
    dtype: str = "float32"


PUBLIC = Case("public")


def run_forward(shell: CellShell, code: Code, case: Case, *, with_graph: bool) -> dict[str, Any]:
    """The names that setup and forward pass define, in a fresh namespace.

    with_graph: keep autograd's graph (the trusted side). Without it no tensor has a graph or asks for one.
    Raises SetupError.
    """
    clear(shell)
    before = torch.get_default_dtype()
    torch.set_default_dtype(DTYPES[case.dtype])
    try:
        with torch.set_grad_enabled(with_graph), torch.random.fork_rng(devices=[]):
            _run(shell, code.setup[: code.parameters], "setup")
            shell.user_ns.update(case.overrides)
            _run(shell, code.setup[code.parameters :], "setup")
            _run(shell, (code.forward,), "forward")
        names = user_names(shell)
        if not with_graph:
            for tensor in _tensors(names):
                tensor.requires_grad_(False)
                tensor.grad = None
        return names
    finally:
        torch.set_default_dtype(before)


def clear(shell: CellShell) -> None:
    """Forget every name that cells have defined; IPython's own stay."""
    for name in user_names(shell):
        del shell.user_ns[name]


def user_names(shell: CellShell) -> dict[str, Any]:
    """What cells have defined so far."""
    hidden = shell.user_ns_hidden
    return {name: value for name, value in shell.user_ns.items() if name not in hidden and not name.startswith("_")}


def _run(shell: CellShell, sources: tuple[str, ...], kind: str) -> None:
    for source in sources:
        error = run_cell(shell, source).error
        if error is not None:
            raise SetupError(f"a {kind} cell of the exercise failed: {error}")


def _tensors(names: dict[str, Any]) -> list[torch.Tensor]:
    """The tensors among the values, and one level down in lists, tuples and dicts (`parameters` and the like)."""
    found: dict[int, torch.Tensor] = {}
    for value in names.values():
        parts: Any = value.values() if isinstance(value, dict) else value
        for part in parts if isinstance(value, list | tuple | dict) else [value]:
            if isinstance(part, torch.Tensor):
                found[id(part)] = part
    return list(found.values())
