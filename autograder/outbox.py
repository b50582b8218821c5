"""Inside a submission's own process: gather what its cells made and send it.

A frame is {"run", "cells"}, with {"cell", "uses", "records"} for each cell that has run since the last one, and
{"error", "timed_out", "text"} where there is anything to say. Where a d-variable is due, "records" describes it
and the body has its tensor (safetensors, one key a name).
The last frame is {"end": true}.
"""

from __future__ import annotations

import os
import time
from typing import Any

import safetensors
import torch

from autograder.shell import CellOutcome
from autograder.wire import Frame, encode

END = encode(Frame({"end": True}))
# A run's cells are sent together, which is much cheaper than one at a time, but not later than this after they ran.
HELD_SECONDS = 0.2
# Nor once they have so much to say: JSON may take 12 bytes for a character, of wire.MAX_HEADER_BYTES in all.
HELD_TEXT = 40_000
CELL_TEXT = 100  # that a cell takes with nothing to say
NOTHING = CellOutcome("", None)
"""What a cell does that prints nothing and raises nothing."""


class Outbox:
    """Gathers what the cells of one run made and sends it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._cells: list[dict[str, Any]] = []
        self._tensors: dict[str, torch.Tensor] = {}
        self._run = 0
        self._sent = time.monotonic()
        self._text = 0

    def add(
        self,
        run: int,
        cell: int,
        uses: int,
        records: dict[str, tuple[dict[str, str], torch.Tensor | None]],
        outcome: CellOutcome,
    ) -> None:
        """Take what one cell made; send it where something has been held for long."""
        self._run = run
        described = {"cell": cell, "uses": uses, "records": {name: what for name, (what, _) in records.items()}}
        if outcome != NOTHING:
            described |= {"error": outcome.error, "timed_out": outcome.timed_out, "text": outcome.text}
        self._cells.append(described)
        self._tensors.update((name, tensor) for name, (_, tensor) in records.items() if tensor is not None)
        self._text += CELL_TEXT + len(outcome.text) + len(outcome.error or "")
        if time.monotonic() - self._sent > HELD_SECONDS or self._text > HELD_TEXT:
            self.send()

    def send(self) -> None:
        """Send what is held."""
        if self._cells:
            body = _packed(self._tensors) if self._tensors else b""
            self._write(encode(Frame({"run": self._run, "cells": self._cells}, body)))
            self._cells, self._tensors, self._text = [], {}, 0
        self._sent = time.monotonic()

    def end(self) -> None:
        """Say that there is no more."""
        self._write(END)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._descriptor, view) :]


def _packed(tensors: dict[str, torch.Tensor]) -> bytes:
    """safetensors' bytes of contiguous tensors that share no memory, without the checks of safetensors.torch.save.

    Those cost three times as much as the rest, for every tensor of every run.
    """
    specs = {
        name: safetensors.TensorSpec(
            dtype=str(tensor.dtype).removeprefix("torch."),
            shape=tensor.shape,
            data_ptr=tensor.data_ptr(),
            data_len=tensor.numel() * tensor.element_size(),
        )
        for name, tensor in tensors.items()
    }
    return bytes(safetensors.serialize(specs))
