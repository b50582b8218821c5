"""Run an exercise's own answers on one case, step by step or end to end, in this process: they are the author's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import CodeType
from typing import Any

import torch

from autograder.cells.ipython import CellShell
from autograder.cells.namespace import clear, default_dtype, overlaid, user_names
from autograder.dojo.compare import as_tensor
from autograder.dojo.structure import mapped
from autograder.exercise.cells import nbgrader_info
from autograder.exercise.notebook import Exercise
from autograder.reference.compute import Reference
from autograder.sandbox.host.received import Value
from autograder.sandbox.messages import ScriptCell
from autograder.submission.notebook import submission_from_notebook


@dataclass(frozen=True)
class Script:
    """The cells that answer an exercise, in order, up to the last that is marked: a training run may follow it.

    own: for each marked variable, the indices in the notebook of its solution and run cells, in order.
    index: of every nbgrader cell, by grade_id.
    """

    cells: tuple[ScriptCell, ...]
    own: Mapping[str, tuple[int, ...]]
    index: Mapping[str, int]


def script_of(notebook: Any, exercise: Exercise) -> Script:
    """Return the cells of the solution notebook as grading runs them."""
    submission = submission_from_notebook(notebook, exercise)
    last = max(number for number, cell in enumerate(submission.script) if cell.records)
    index = {nbgrader_info(cell).get("grade_id", ""): number for number, cell in enumerate(notebook.cells)}
    own = {name: tuple(sorted(indices)) for name, indices in submission.indices.items()}
    return Script(submission.script[: last + 1], own, index)


class Bench:
    """Runs the script on one case, in the namespace that the exercise's own functions look names up in."""

    def __init__(self, shell: CellShell, reference: Reference) -> None:
        known = reference.known
        self._shell = shell
        self._reference = reference
        self._names = overlaid(reference.names, known.tensors, known.scalars, known.structures)
        self._code: dict[str, CodeType] = {}

    def end_to_end(self, script: Script) -> dict[str, Value]:
        """Run all cells in a row, and return what every marked variable holds when it is final. Raises what they do."""
        held: dict[str, Value] = {}
        with self._case():
            self._set(self._names)
            for cell in script.cells:
                self._run(cell.source)
                held |= {name: _value(self._shell.user_ns.get(name)) for name in cell.records}
        return held

    def before_each(self, script: Script) -> dict[int, dict[str, Any]]:
        """Return the names before every cell, by its index, in a run step by step: finished gradients are random."""
        found: dict[int, dict[str, Any]] = {}
        upstream = self._reference.known.upstream
        with self._case():
            self._set(self._names | {name: upstream[name].clone() for name in upstream.keys() & self._names.keys()})
            for cell in script.cells:
                found[cell.index] = self._copy(user_names(self._shell))
                self._run(cell.source)
                self._take_over(cell)
        return found

    def step(
        self, name: str, script: Script, before: Mapping[int, Mapping[str, Any]], changed: Mapping[int, str]
    ) -> Value:
        """Run from a step's first cell to its last, with other sources in some; return what the variable holds.

        before: as before_each returns it. changed: sources by index. Raises what the cells raise.
        """
        first, last = script.own[name][0], script.own[name][-1]
        with self._case():
            self._set(before[first])
            for cell in script.cells:
                if first <= cell.index <= last:
                    self._run(changed.get(cell.index, cell.source))
                    if cell.index != last:
                        self._take_over(cell)
            return _value(self._shell.user_ns.get(name))

    def _take_over(self, cell: ScriptCell) -> None:
        for name in cell.records:
            if name in self._reference.known.upstream:
                self._shell.user_ns[name] = self._reference.known.upstream[name].clone()

    @contextmanager
    def _case(self) -> Iterator[None]:
        with torch.no_grad(), default_dtype(self._reference.case.dtype), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            yield

    def _set(self, names: Mapping[str, Any]) -> None:
        clear(self._shell)
        self._shell.user_ns.update(self._copy(names))

    @staticmethod
    def _copy(names: Mapping[str, Any]) -> dict[str, Any]:
        return mapped(names, lambda tensor: tensor.detach().clone() if tensor.numel() < 2**16 else tensor)

    def _run(self, source: str) -> None:
        if source not in self._code:
            self._code[source] = compile(source, "<cell>", "exec")
        exec(self._code[source], self._shell.user_ns)


def _value(value: object) -> Value:
    tensor = as_tensor(value)
    return Value("other", None, type(value).__name__) if tensor is None else Value("tensor", tensor.detach())
