"""Parse a submission's report. A stranger may have written its bytes, so everything is checked before use."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import safetensors.torch
import torch

from autograder.sandbox.wire import Frame, WireError, decode_all
from autograder.text import printable

NO_TENSOR = frozenset({"none", "undefined", "other"})
MAX_TEXT = 25_000  # characters of a cell's output; the guest keeps a little less (cells/ipython.py)
MAX_DESCRIPTION_BYTES = 10_000  # of safetensors' description of a frame's tensors; there is one for each dtype
MAX_DIMENSIONS, MAX_SIDE = 64, 2**63 - 1  # PyTorch's own limits; the product of very many sizes would take seconds


@dataclass(frozen=True)
class Value:
    """The value of a d-variable when it was recorded, after its last solution or check cell.

    kind: "tensor", "none", "undefined" or "other"; `type` then describes it in words.
    """

    kind: str
    tensor: torch.Tensor | None = None
    type: str = ""


@dataclass(frozen=True)
class RanCell:
    """The outcome of one cell. text: what it printed. error: its exception in one line. uses: its calls of autograd.

    line: the line of the cell that was under way when it raised, counted from 1; None where that is not known.
    """

    text: str
    error: str | None
    timed_out: bool
    uses: int = 0
    line: int | None = None


QUIET = RanCell("", None, False)
"""The outcome of a cell that printed nothing and raised nothing."""


@dataclass(frozen=True)
class RunRecord:
    """One run over the cells.

    values: by d-variable. cells: by cell index in the notebook. numerical: d-variables that come from evaluating the
    forward pass at shifted values, where the run was asked to look for that.
    """

    values: dict[str, Value] = field(default_factory=dict)
    cells: dict[int, RanCell] = field(default_factory=dict)
    numerical: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Unfinished:
    """The reason, in words, why a submission did not reach its end. late: whether its time was up."""

    why: str
    late: bool = False


@dataclass(frozen=True)
class Recording:
    """The reports of all runs of a submission. unfinished: why not all reached their end; None where they did."""

    runs: tuple[RunRecord, ...]
    unfinished: Unfinished | None = None


def parse(
    data: bytes | bytearray | memoryview,
    runs: int,
    names: Collection[str],
    cells: Collection[int],
    unfinished: Unfinished | None = None,
) -> Recording:
    """Read the frames of one submission's report. The first value recorded for a name stands; other names are ignored.

    runs: how many were asked for. names: the d-variables. cells: indices of the cells that were sent. unfinished: what
    the end of its process means. Never raises: the recording stops at the first frame that is not well formed. Every
    frame must report a cell that no earlier one did, so that time and memory are bounded by what was asked for.
    """
    records = tuple(RunRecord() for _ in range(runs))
    try:
        for frame in decode_all(data):
            if frame.header.get("end") is True:
                break  # frames after the end marker are forged; do not read them
            _add(records, frame, names, cells)
    except (WireError, ValueError, TypeError) as error:
        return Recording(records, Unfinished(f"its answer could not be read ({error})"))
    return Recording(records, unfinished)


def _add(records: tuple[RunRecord, ...], frame: Frame, names: Collection[str], asked: Collection[int]) -> None:
    number, ran, said, values = (frame.header.get(key) for key in ("run", "ran", "said", "values"))
    if type(number) is not int or not 0 <= number < len(records):
        raise ValueError("a run that was not asked for")
    if not isinstance(ran, list) or not isinstance(said, list) or not isinstance(values, dict):
        raise ValueError("cells of the wrong form")
    record = records[number]
    before = len(record.cells)
    outcomes = dict(map(_cell, said))
    for index in ran:
        if type(index) is not int or index not in asked:
            raise ValueError("a cell that was not asked for")
        record.cells.setdefault(index, outcomes.get(index, QUIET))
    if len(record.cells) == before:
        raise ValueError("nothing new in an answer")
    numerical = frame.header.get("numerical", [])
    if not isinstance(numerical, list) or not all(isinstance(name, str) for name in numerical):
        raise ValueError("names of the wrong form")
    record.numerical.update(frozenset(numerical).intersection(names))
    found = _tensors(frame, names) if frame.body else {}
    for name in names:
        if name not in record.values and (name in found or name in values):
            record.values[name] = found.get(name) or _value(values[name])


def _cell(header: Any) -> tuple[int, RanCell]:
    if not isinstance(header, dict):
        raise ValueError("a cell's outcome of the wrong form")
    index, uses, text, error = (header.get(key) for key in ("cell", "uses", "text", "error"))
    well_formed = type(index) is int and isinstance(text, str) and isinstance(error, str | None) and type(uses) is int
    if not well_formed:
        raise ValueError("a cell's outcome of the wrong form")
    assert isinstance(index, int)
    assert isinstance(text, str)
    assert isinstance(uses, int)
    late, line = header.get("timed_out") is True, header.get("line")
    error = None if error is None else printable(error[:1000])
    return index, RanCell(printable(text[:MAX_TEXT]), error, late, uses, line if type(line) is int else None)


def _value(description: Any) -> Value:
    """Return the value that a frame describes where there is no tensor. Raises ValueError."""
    kind, what = (description.get("kind"), description.get("type", "")) if isinstance(description, dict) else (None, "")
    if not isinstance(kind, str) or kind not in NO_TENSOR:
        raise ValueError("a value of an unknown kind")
    if not isinstance(what, str):
        raise ValueError("a type that is no text")
    return Value(kind, None, printable(what[:200]))


def _tensors(frame: Frame, names: Collection[str]) -> dict[str, Value]:
    """Return the tensors of a frame, by name; safetensors checks every offset in it. Raises ValueError."""
    shapes = frame.header.get("shapes")
    if not isinstance(shapes, dict):
        raise ValueError("shapes of the wrong form")
    # safetensors would accept a description of 100 MB, with millions of empty tensors.
    if int.from_bytes(frame.body[:8], "little") > MAX_DESCRIPTION_BYTES:
        raise ValueError("more tensors than were asked for")
    found: dict[str, Value] = {}
    try:
        joined = safetensors.torch.load(bytes(frame.body))
        for dtype, own in shapes.items():
            if not own.keys() <= set(names):  # a header has room for so many names that reading them would take long
                raise ValueError
            sizes = [_size(shape) for shape in own.values()]
            if joined[dtype].dim() != 1 or sum(sizes) != len(joined[dtype]):
                raise ValueError
            for (name, shape), part in zip(own.items(), joined[dtype].split(sizes), strict=True):
                found[name] = Value("tensor", part.view(shape))
    except Exception as error:  # safetensors has its own error type and raises others for odd dtypes
        raise ValueError(f"tensors that are not: {type(error).__name__}") from None
    return found


def _size(shape: Any) -> int:
    if not isinstance(shape, list) or len(shape) > MAX_DIMENSIONS:
        raise ValueError
    if not all(type(size) is int and 0 <= size <= MAX_SIDE for size in shape):
        raise ValueError
    return math.prod(shape)
