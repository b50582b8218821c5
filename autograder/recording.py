"""Parse what came back from the sandbox. The bytes are a stranger's: everything is checked before use."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import safetensors.torch
import torch

from autograder.wire import Frame, WireError, decode_all

KINDS = frozenset({"tensor", "none", "undefined", "other"})
MAX_TEXT = 25_000  # a little above what the sandbox keeps of a cell's output


@dataclass(frozen=True)
class Value:
    """What a d-variable held at its moment. kind: "tensor", "none", "undefined" or "other" (described by `type`)."""

    kind: str
    tensor: torch.Tensor | None = None
    type: str = ""


@dataclass(frozen=True)
class RanCell:
    """What a cell printed, and its error in one line."""

    text: str
    error: str | None
    timed_out: bool


@dataclass(frozen=True)
class Recording:
    """One run of a submission. ending: "end" where all cells ran, else "timeout", "flood" or "crashed"."""

    values: dict[str, Value] = field(default_factory=dict)
    cells: dict[int, RanCell] = field(default_factory=dict)
    ending: str = "crashed"
    detail: str = ""


def parse(data: bytes, names: frozenset[str], ending: str, detail: str = "") -> Recording:
    """Read the frames of one submission. The first value recorded for a name stands; unknown names are ignored.

    Never raises: what cannot be understood ends the recording there, as "crashed".
    """
    values: dict[str, Value] = {}
    cells: dict[int, RanCell] = {}
    try:
        for frame in decode_all(data):
            header = frame.header
            if "record" in header:
                name = header["record"]
                if name in names and name not in values:
                    values[name] = _value(frame)
            elif "cell" in header:
                cells.setdefault(*_cell(header))
    except (WireError, ValueError, TypeError) as error:
        return Recording(values, cells, "crashed", f"its answer could not be read ({error})")
    return Recording(values, cells, ending, detail)


def _cell(header: dict[str, Any]) -> tuple[int, RanCell]:
    index, text, error, timed_out = (header.get(key) for key in ("cell", "text", "error", "timed_out"))
    if not (isinstance(index, int) and isinstance(text, str) and isinstance(error, str | None)):
        raise ValueError("a cell's outcome of the wrong form")
    error = None if error is None else printable(error[:1000])
    return index, RanCell(printable(text[:MAX_TEXT]), error, timed_out is True)


def _value(frame: Frame) -> Value:
    kind = frame.header.get("kind")
    if kind not in KINDS:
        raise ValueError("a value of an unknown kind")
    if kind != "tensor":
        return Value(kind, type=printable(str(frame.header.get("type", ""))[:200]))
    try:
        tensors = safetensors.torch.load(frame.body)
        tensor = tensors["value"]
        # A copy of its own: nothing keeps the whole message alive, and the layout is ours.
        return Value("tensor", tensor.clone(memory_format=torch.contiguous_format))
    except Exception as error:  # safetensors has its own error type and raises others for odd dtypes
        raise ValueError(f"a tensor that is not one: {type(error).__name__}") from None


def printable(text: str) -> str:
    """The text without control characters: they could move a terminal's cursor or hide what was printed."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
