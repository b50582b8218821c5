"""Gather the outcomes of a submission's cells and send them, from its own process.

A frame is {"run", "ran", "said", "values", "shapes", "numerical"}. ran: the indices of the cells that have run since
the last frame. said: {"cell", "uses", "error", "timed_out", "line", "text"} for each of them that did more than run.
values: {"kind", "type"} by d-variable that was due and is no plain tensor. Those that are lie in the body
(safetensors), all of one dtype end to end under the dtype's name. shapes: by that name {d-variable: its shape}, in
their order. numerical: d-variables that come from shifted evaluations of the forward pass. The last frame is
{"end": true}.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

import safetensors
import torch
from torch import cat, numel, reshape  # bound here, because a student's cell may rebind torch.cat
from torch._C import DisableTorchFunction, _DisableTorchDispatch

from autograder.cells.ipython import QUIET, CellOutcome
from autograder.sandbox.wire import Frame, encode, write

END = encode(Frame({"end": True}))
# Send the cells of a run together, which is much cheaper than one at a time, but hold none back longer than this, so
# that the host still has most of a run whose process dies.
HELD_SECONDS = 0.2
# Send as soon as the held cells have so many characters: JSON takes up to 12 bytes for one, so that 40,000 make half of
# wire.MAX_HEADER_BYTES.
HELD_TEXT = 40_000
CELL_TEXT = 100  # characters counted for a cell without text


class Outbox:
    """Gathers the outcomes of the cells of one run and sends them to a descriptor."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._run = 0
        self._ran: list[int] = []
        self._said: list[dict[str, Any]] = []
        self._values: dict[str, dict[str, str]] = {}
        self._tensors: dict[str, torch.Tensor] = {}
        self._numerical: list[str] = []
        self._sent = time.monotonic()
        self._text = 0

    def add(
        self,
        run: int,
        cell: int,
        uses: int,
        recorded: Mapping[str, torch.Tensor | dict[str, str]],
        outcome: CellOutcome,
        numerical: Iterable[str] = (),
    ) -> None:
        """Take the outcome of one cell, and send all that is held where it is much or was held for long.

        run, cell: their indices. uses: the cell's calls of autograd. recorded: by d-variable, a plain tensor that
        nothing else changes, or {"kind", "type"} where its value is no plain tensor.
        """
        self._run = run
        self._ran.append(cell)
        self._numerical += numerical
        self._text += CELL_TEXT
        for name, value in recorded.items():
            if isinstance(value, dict):
                self._values[name] = value
            else:
                self._tensors[name] = value
        if uses or outcome is not QUIET:
            said = {"cell": cell, "uses": uses, "error": outcome.error, "text": outcome.text}
            self._said.append(said | {"timed_out": outcome.timed_out, "line": outcome.line})
            self._text += len(outcome.text) + len(outcome.error or "")
        if time.monotonic() - self._sent > HELD_SECONDS or self._text > HELD_TEXT:
            self.send()

    def send(self) -> None:
        """Send all that is held."""
        if self._ran:
            # A mode of torch that a student's cell has left on must not see this.
            with DisableTorchFunction(), _DisableTorchDispatch():
                shapes, body = _packed(self._tensors)
            header = {"run": self._run, "ran": self._ran, "said": self._said, "values": self._values, "shapes": shapes}
            header |= {"numerical": self._numerical} if self._numerical else {}
            write(self._descriptor, Frame(header, body))
            self._ran, self._said, self._values, self._tensors, self._text = [], [], {}, {}, 0
            self._numerical = []
        self._sent = time.monotonic()

    def end(self) -> None:
        """Send the end marker: there are no more frames."""
        os.write(self._descriptor, END)


def _packed(tensors: Mapping[str, torch.Tensor]) -> tuple[dict[str, dict[str, list[int]]], bytes]:
    """Return (shapes, body) of a frame. Tensors of one dtype are joined: safetensors is slow for each tensor."""
    by_dtype: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        by_dtype.setdefault(str(tensor.dtype).removeprefix("torch."), {})[name] = tensor
    shapes = {dtype: {name: list(tensor.shape) for name, tensor in own.items()} for dtype, own in by_dtype.items()}
    joined = {dtype: cat([reshape(tensor, (-1,)) for tensor in own.values()]) for dtype, own in by_dtype.items()}
    # The checks of safetensors.torch.save cost more than the rest and are not needed: these tensors share no memory.
    specs = {
        dtype: safetensors.TensorSpec(
            dtype=dtype,
            shape=tensor.shape,
            data_ptr=tensor.data_ptr(),
            data_len=numel(tensor) * tensor.itemsize,
        )
        for dtype, tensor in joined.items()
    }
    return shapes, bytes(safetensors.serialize(specs)) if specs else b""
