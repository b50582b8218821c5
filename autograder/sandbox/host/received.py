"""Parse what came back from the sandbox. The bytes are a stranger's: everything is checked before use."""

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
MAX_TEXT = 25_000  # a little above what the sandbox keeps of a cell's output
MAX_DESCRIPTION_BYTES = 10_000  # that describe the tensors of a frame in safetensors' format, one a dtype
MAX_DIMENSIONS, MAX_SIDE = 64, 2**63 - 1  # what PyTorch has: the product of many sizes takes seconds


@dataclass(frozen=True)
class Value:
    """What a d-variable held at its moment. kind: "tensor", "none", "undefined" or "other" (described by `type`)."""

    kind: str
    tensor: torch.Tensor | None = None
    type: str = ""


@dataclass(frozen=True)
class RanCell:
    """What a cell did. error: its exception in one line. uses: how often it called autograd."""

    text: str
    error: str | None
    timed_out: bool
    uses: int = 0


QUIET = RanCell("", None, False)
"""What a cell did that only ran."""


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
    """Why a submission did not reach its end, for people. late: its time was up."""

    why: str
    late: bool = False


@dataclass(frozen=True)
class Recording:
    """All runs of a submission. unfinished: why one of them did not reach its end, None where all did."""

    runs: tuple[RunRecord, ...]
    unfinished: Unfinished | None = None


def parse(
    data: bytes | bytearray | memoryview,
    runs: int,
    names: Collection[str],
    cells: Collection[int],
    unfinished: Unfinished | None = None,
) -> Recording:
    """Read the frames of one submission. What is recorded first for a name stands; unknown values are ignored.

    cells: the places of those that were run. unfinished: what its process's end says of it.
    Never raises: what cannot be understood ends the recording there. What it takes is bounded by what was asked
    for: every frame has to say something of a cell that none before it spoke of.
    """
    records = tuple(RunRecord() for _ in range(runs))
    try:
        for frame in decode_all(data):
            if frame.header.get("end") is True:
                break  # what a forger has sent behind it is not even read
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
    late = header.get("timed_out") is True
    return index, RanCell(printable(text[:MAX_TEXT]), None if error is None else printable(error[:1000]), late, uses)


def _value(description: Any) -> Value:
    """What was in the place of a tensor."""
    kind, what = (description.get("kind"), description.get("type", "")) if isinstance(description, dict) else (None, "")
    if not isinstance(kind, str) or kind not in NO_TENSOR:
        raise ValueError("a value of an unknown kind")
    if not isinstance(what, str):
        raise ValueError("a type that is no text")
    return Value(kind, None, printable(what[:200]))


def _tensors(frame: Frame, names: Collection[str]) -> dict[str, Value]:
    """The tensors of a frame. safetensors checks every offset against the body's length."""
    shapes = frame.header.get("shapes")
    if not isinstance(shapes, dict):
        raise ValueError("shapes of the wrong form")
    # safetensors takes a description of 100 MB, of millions of empty tensors.
    if int.from_bytes(frame.body[:8], "little") > MAX_DESCRIPTION_BYTES:
        raise ValueError("more tensors than were asked for")
    found: dict[str, Value] = {}
    try:
        joined = safetensors.torch.load(bytes(frame.body))
        for dtype, own in shapes.items():
            if not own.keys() <= set(names):  # as many as a header holds would take their time
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
