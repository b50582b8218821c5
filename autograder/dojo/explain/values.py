"""What a student's cell may hold while it is evaluated: tensors, numbers, and short lists of them.

Lists are two deep at most, so that looking at all of one takes no time, and what is given to a cell is copied first.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable
from typing import Any

import torch

from .operations import LARGEST, Tensor, UnknownError

ROUNDS = 5_000  # of all loops of a cell together; a double loop over a minibatch has some hundred
ENTRIES = 5_000  # of a list and the lists in it
FEW = 100  # entries of a list that is given to a cell; letters of a text

ATTRIBUTES = frozenset(["T", "mT", "H", "shape", "ndim", "dtype", "device", "data"])
PARTS = frozenset(["values", "indices"])  # of what max, min, sort and topk return
DTYPES = ("float32", "float64", "int64", "long", "double", "float", "bool")
NUMBERS = {"pi": math.pi, "inf": math.inf, "e": math.e} | {name: getattr(torch, name) for name in DTYPES}
MATH: dict[str, Callable[..., float]] = {
    name: getattr(math, name) for name in ("sqrt", "exp", "log", "tanh", "erf", "cos", "sin")
}
# Everything that a cell can hold beside tensors and lists.
ATOMS = (bool, int, float, str, slice, range, torch.dtype, torch.device, torch.Size, type(None), type(...))
ITERATORS = (zip, enumerate)


def is_plain(value: Any) -> bool:
    """Return whether a value can be computed with."""
    return isinstance(value, Tensor | int | float)


def held(value: Any) -> Any:
    """Return the value. Raises UnknownError where a cell may not hold it."""
    if isinstance(value, tuple | list):
        inner = [entry for entry in value if isinstance(entry, tuple | list)]
        deeper = any(isinstance(entry, tuple | list) for part in inner for entry in part)
        if deeper or len(value) + sum(map(len, inner)) > ENTRIES:
            raise UnknownError("a large list")
    elif isinstance(value, str) and len(value) > FEW:
        raise UnknownError("a long text")
    elif not isinstance(value, (Tensor, *ATOMS, *ITERATORS, ast.Lambda)):
        raise UnknownError(type(value).__name__)
    return value


def own(value: Any) -> Any:
    """Return a copy of what is given to a cell. Raises UnknownError where it is large, or of another kind."""
    if isinstance(value, Tensor) and value.numel() <= LARGEST:
        return value.detach().clone(memory_format=torch.contiguous_format)  # as students' code gets it: view works then
    if isinstance(value, torch.Size | int | float):
        return value
    if type(value) in (tuple, list) and len(value) <= FEW:
        return held(type(value)(map(own, held(value))))
    raise UnknownError(type(value).__name__)


def items(value: Any) -> Any:
    """Return what can be iterated over. Raises UnknownError for anything else.

    A tensor is taken apart at once, so it must be short.
    """
    if isinstance(value, Tensor) and value.dim() and len(value) <= ROUNDS:
        return value
    if isinstance(value, (tuple, list, range, *ITERATORS)):
        return value
    raise UnknownError("a loop")


def constant(module: str, name: str) -> Any:
    """Return a number or dtype of a module; None where it is none of those known."""
    return NUMBERS.get(name) if module in ("torch", "math") else None


def attribute(owner: Any, name: str) -> Any:
    """Return an attribute of a tensor, or of what max, min, sort and topk return. Raises UnknownError for any other."""
    if isinstance(owner, Tensor) and name in ATTRIBUTES:
        if name == "T" and owner.dim() != 2:  # of which PyTorch warns
            return owner.permute(*reversed(range(owner.dim())))
        return getattr(owner, name)
    if isinstance(owner, tuple) and name in PARTS and name in getattr(type(owner), "__match_args__", ()):
        return getattr(owner, name)
    raise UnknownError(name)


def called(name: str, args: list[Any]) -> Any:
    """Return what a function of Python gives. Raises UnknownError where it is none of these, or what it raises."""
    if name not in PYTHON:
        raise UnknownError(name)
    return PYTHON[name](*args)


def _range(*ends: int) -> range:
    found = range(*ends)
    if len(found) > ROUNDS:
        raise UnknownError("a long range")
    return found


def _of(function: Callable[..., Any], *kinds: type) -> Callable[[Any], Any]:
    def made(value: Any) -> Any:
        if not isinstance(value, kinds):
            raise UnknownError(function.__name__)
        return function(value)

    return made


def _extreme(function: Callable[..., Any]) -> Callable[..., Any]:
    def made(*args: Any) -> Any:
        values = args[0] if len(args) == 1 and isinstance(args[0], tuple | list) else args
        if not all(isinstance(value, int | float) for value in values):
            raise UnknownError(function.__name__)
        return function(values)

    return made


PYTHON: dict[str, Callable[..., Any]] = {
    "len": _of(len, Tensor, tuple, list, range),
    "float": _of(float, Tensor, int, float),
    "int": _of(int, Tensor, int, float),
    "abs": _of(abs, Tensor, int, float),
    "reversed": lambda value: list(reversed(_of(list, tuple, list, range)(value))),
    "range": _range,
    "slice": slice,
    "min": _extreme(min),
    "max": _extreme(max),
    "zip": lambda *each: zip(*map(items, each), strict=False),
    "enumerate": lambda value, start=0: enumerate(items(value), start),
    "print": lambda *_: None,
}
