"""Gather what a submission's cells made and send it, from its own process.

A frame is {"run", "ran", "said", "values", "shapes", "numerical"}. ran: the indices of the cells that have run since
the last frame. said: {"cell", "uses", "error", "timed_out", "text"} for each of them that did more than run. values:
{"kind", "type"} by d-variable that was due and is no plain tensor. Those that are lie in the body (safetensors), all of
one dtype end to end under the dtype's name. shapes: by that name {d-variable: its shape}, in their order. numerical:
d-variables that come from shifted evaluations of the forward pass. The last frame is {"end": true}.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

import safetensors
import torch
from torch import cat, numel, reshape  # whatever a student makes of torch.cat and Tensor.reshape
from torch._C import DisableTorchFunction, _DisableTorchDispatch

from autograder.cells.ipython import QUIET, CellOutcome
from autograder.sandbox.wire import Frame, encode, write

END = encode(Frame({"end": True}))
# A run's cells are sent together, which is much cheaper than one at a time, but not later than this after they ran.
HELD_SECONDS = 0.2
# Nor once they have so much to say: JSON may take 12 bytes for a character, of wire.MAX_HEADER_BYTES in all.
HELD_TEXT = 40_000
CELL_TEXT = 100  # that a cell takes with nothing to say


class Outbox:
    """Gathers what the cells of one run made and sends it to a descriptor."""

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
        """Take what one cell made; send it where something has been held for long.

        recorded: by d-variable a plain tensor that is nobody else's, or what there is in its place.
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
            self._said.append(said | {"timed_out": outcome.timed_out})
            self._text += len(outcome.text) + len(outcome.error or "")
        if time.monotonic() - self._sent > HELD_SECONDS or self._text > HELD_TEXT:
            self.send()

    def send(self) -> None:
        """Send what is held."""
        if self._ran:
            # A mode that a student's cell has left on sees none of this.
            with DisableTorchFunction(), _DisableTorchDispatch():
                shapes, body = _packed(self._tensors)
            header = {"run": self._run, "ran": self._ran, "said": self._said, "values": self._values, "shapes": shapes}
            header |= {"numerical": self._numerical} if self._numerical else {}
            write(self._descriptor, Frame(header, body))
            self._ran, self._said, self._values, self._tensors, self._text = [], [], {}, {}, 0
            self._numerical = []
        self._sent = time.monotonic()

    def end(self) -> None:
        """Say that there is no more."""
        os.write(self._descriptor, END)


def _packed(tensors: Mapping[str, torch.Tensor]) -> tuple[dict[str, dict[str, list[int]]], bytes]:
    """The shapes and the body of a frame; one tensor a dtype, because safetensors takes its time for each."""
    by_dtype: dict[str, dict[str, torch.Tensor]] = {}
    for name, tensor in tensors.items():
        by_dtype.setdefault(str(tensor.dtype).removeprefix("torch."), {})[name] = tensor
    shapes = {dtype: {name: list(tensor.shape) for name, tensor in own.items()} for dtype, own in by_dtype.items()}
    joined = {dtype: cat([reshape(tensor, (-1,)) for tensor in own.values()]) for dtype, own in by_dtype.items()}
    # Without the checks of safetensors.torch.save, which cost more than the rest: these share no memory.
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
