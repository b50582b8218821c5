"""Run a submission's cells on every case, in its own process, and send their outcomes and the recorded values."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch

from autograder.cells.alarm import CellTimeoutError, alarm
from autograder.cells.ipython import (
    QUIET,
    CellOutcome,
    CellShell,
    CompiledCell,
    compile_cell,
    run_cell,
    run_compiled,
)
from autograder.cells.namespace import clear
from autograder.dojo.compare import as_tensor
from autograder.dojo.structure import mapped
from autograder.dojo.trial.shifted import shifted
from autograder.dojo.trial.tape import Tape, replay
from autograder.sandbox.guest.autograd_guard import Guard
from autograder.sandbox.guest.outbox import Outbox
from autograder.sandbox.guest.upstream import Upstream
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import LAST_OF_TAPE, SHARED_BYTES, ForwardLine, Request, ScriptCell

# How often the time of a cell is halved at most. Those behind many endless cells need some time too: of 10 s, 0.6 s are
# left, which fit 60 times into what the fourth time-out leaves of the total.
HALVINGS = 4
# The dtypes that safetensors can send; a tensor of any other is described in words.
PLAIN = frozenset(
    {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}
    | {torch.float16, torch.bfloat16, torch.float32, torch.float64}
)


@dataclass(frozen=True)
class CaseNames:
    """A case in the sandbox. names: all values before the student's cells run. upstream: random upstream gradients.

    A gradient in both is given to the student: true end to end, random step by step.
    """

    names: dict[str, Any]
    upstream: dict[str, torch.Tensor]
    dtype: torch.dtype


class StudentRun:
    """Runs one submission's cells on the cases and sends the report to a descriptor."""

    def __init__(
        self,
        shell: CellShell,
        cases: list[CaseNames],
        guard: Guard,
        limits: Limits,
        descriptor: int,
        forward: Sequence[ForwardLine] = (),
        tensors: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._shell = shell
        self._cases = cases
        self._guard = guard
        self._limits = limits
        self._out = Outbox(descriptor)
        self._forward = forward
        self._tensors = tensors
        self._late: set[int] = set()  # cells that ran out of time once are not run again
        self._code: dict[int, CompiledCell | CellOutcome | None] = {}
        self._shown = True  # whether the notebook's own case, whose output is kept, is among the runs

    def run(self, request: Request) -> None:
        """Do all runs of a request in order. Case 0 is the notebook's own: its output is kept, the others' is not."""
        uses = Counter(run.case for run in request.runs)
        self._shown = uses[0] > 0
        for number, run in enumerate(request.runs):
            case = self._cases[run.case]
            clear(self._shell)
            # Every submission has its own copy of the cases' memory, so only what runs twice must be kept whole.
            whole = uses[run.case] > 1 or run.taped
            self._shell.user_ns.update(_fresh(case.names) if whole else case.names)
            gradients = {**case.upstream, **request.upstream.get(run.case, {})}
            if run.stepwise or run.taped:
                given = gradients.keys() & case.names.keys()
                self._shell.user_ns.update({name: gradients[name].clone() for name in given})
            torch.set_default_dtype(case.dtype)
            self._guard.poisoned = run.case != 0
            with contextlib.nullcontext() if run.case == 0 else _muted():
                if run.taped:
                    self._taped(number, case, gradients, request)
                else:
                    upstream = Upstream(gradients if run.stepwise else {}, case.names)
                    self._in_order(number, upstream, request, show=run.case == 0)
            self._out.send()
        self._out.end()

    def _in_order(self, number: int, upstream: Upstream, request: Request, *, show: bool) -> None:
        """Run the cells, and record each d-variable when the last of its cells has run."""
        for cell in request.script:
            upstream.renew(self._shell.user_ns)
            before = self._guard.uses
            outcome = self._outcome(cell, request, show=show)
            recorded = {name: self._record(name) for name in cell.records}
            self._out.add(number, cell.index, self._guard.uses - before, recorded, outcome)
            if request.cell_by_cell:
                self._out.send()
            upstream.take_over(cell.records)

    def _taped(self, number: int, case: CaseNames, gradients: dict[str, torch.Tensor], request: Request) -> None:
        """Run the cells once, and replay their operations with each d-variable replaced once it is complete."""
        tape = Tape(self._shell.user_ns)
        held: dict[str, torch.Tensor] = {}
        for cell in request.script:
            with tape:
                outcome = self._outcome(cell, request, show=False)
            for name in cell.records:
                value = self._shell.user_ns.get(name)
                if type(value) is torch.Tensor and value.layout == torch.strided:
                    held[name] = value
            self._out.add(number, cell.index, 0, {}, outcome)
        values: dict[str, torch.Tensor] = {}
        numerical: set[str] = set()
        # Where it takes too long, or a tensor is of a kind that cannot do this, nothing is known in this way.
        with contextlib.suppress(CellTimeoutError, Exception), alarm(self._limits.cell_seconds):
            if request.numerical:
                numerical = shifted(tape, held, _fresh(case.names), self._forward, self._tensors)
            if not tape.broken:
                values = replay(tape, held, gradients)
        recorded = {name: self._described(value) for name, value in values.items()}
        self._out.add(number, LAST_OF_TAPE, 0, recorded, QUIET, numerical)

    def _outcome(self, cell: ScriptCell, request: Request, *, show: bool) -> CellOutcome:
        """Run one cell, but not one that is to be left out or has run out of time before."""
        if cell.index in self._late:
            return CellOutcome("", None, True)
        if cell.index in request.skip:
            return QUIET
        if cell.index not in self._code:
            self._code[cell.index] = compile_cell(self._shell, cell.source, show=self._shown)
        outcome = self._execute(self._code[cell.index], cell.source, show=show)
        if outcome.timed_out:
            self._late.add(cell.index)
        return outcome

    def _execute(self, code: CompiledCell | CellOutcome | None, source: str, *, show: bool) -> CellOutcome:
        if isinstance(code, CellOutcome):
            return code
        # Halve the limit after every timeout, so that a notebook with several slow cells still fits the total.
        seconds = self._limits.cell_seconds / 2 ** min(len(self._late), HALVINGS)
        if code is None:
            return run_cell(self._shell, source, seconds)
        return run_compiled(self._shell, code, source, seconds, show=show)

    def _record(self, name: str) -> torch.Tensor | dict[str, str]:
        """Return the value of one d-variable now, copied, so that nothing that runs later can change it."""
        if name not in self._shell.user_ns:
            return {"kind": "undefined"}
        value = self._shell.user_ns[name]
        if value is None:
            return {"kind": "none"}
        return self._described(value)

    def _described(self, value: object) -> torch.Tensor | dict[str, str]:
        """Return a plain copy of a tensor, or of numbers that are as good as one; else a description of the value."""
        if not isinstance(value, torch.Tensor):
            numbers = as_tensor(value)
            if numbers is None or numbers.dtype not in PLAIN:
                return {"kind": "other", "type": type(value).__name__[:100]}
            value = numbers
        try:
            if value.layout == torch.strided and value.numel() * value.element_size() <= self._limits.tensor_bytes:
                plain = value.detach().clone(memory_format=torch.contiguous_format)
                ordinary = plain.device.type == "cpu" and not plain.is_quantized and not plain.is_nested
                if type(plain) is torch.Tensor and ordinary and plain.dtype in PLAIN:
                    return plain
            what = f"{value.dtype} tensor of shape {tuple(value.shape)} with layout {value.layout}"
        except Exception as error:
            what = f"tensor that cannot be read ({type(error).__name__})"
        return {"kind": "other", "type": what}


def _fresh(names: dict[str, Any]) -> dict[str, Any]:
    """Return the names with copied tensors, so that the next run does not see in-place changes of this one.

    All names of one tensor get the same copy.
    """

    def copy(value: torch.Tensor) -> torch.Tensor:
        return value if value.numel() * value.element_size() > SHARED_BYTES else value.clone()

    return mapped(names, copy)


@contextlib.contextmanager
def _muted() -> Iterator[None]:
    nothing = _Nothing()
    with contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
        yield


class _Nothing(io.TextIOBase):
    """A text stream that drops its text."""

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Drop the text and return its length."""
        return len(text)
