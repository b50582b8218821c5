"""The operations on tensors that a student's cell may use to be evaluated, with a bound on what each makes.

Text from anywhere is evaluated, so what is called is looked up in a closed list, and is refused before it makes
anything large. A name that is not in the list is never looked up in PyTorch, which imports modules for some.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch.nn import functional

from .allowed import (
    ALLOWED,
    APART,
    FILLED,
    GROWING,
    IMAGES,
    INDEXED,
    NO_LARGER,
    OTHERS,
    PRODUCTS,
    SQUARE,
    TEXTS,
    WORDS,
)

Tensor = torch.Tensor

LARGEST = 1_000_000  # elements of any tensor; a minibatch of the course has some thousands
WORK = 50 * LARGEST  # products of two numbers within one operation: some hundredths of a second
AXES = 8  # of any tensor
PIECES = 1000  # tensors that one operation takes another apart into


class UnknownError(Exception):
    """The cell holds something that is not evaluated here."""


def _found(*owners: Any) -> dict[str, Callable[..., Any]]:
    found = {name: getattr(owner, name) for owner in owners for name in ALLOWED if hasattr(owner, name)}
    return {name: function for name, function in found.items() if not isinstance(function, torch.dtype | type)}


METHODS = {name: function for name, function in _found(Tensor).items() if name != "unfold"}
FUNCTIONS = {
    "torch": _found(torch),
    "torch.special": _found(torch.special),
    "torch.linalg": _found(torch.linalg),
    **dict.fromkeys(("F", "nn.functional", "torch.nn.functional"), _found(functional)),
}


def operation(module: str, name: str, args: list[Any], words: Mapping[str, Any]) -> Any:
    """Return the result of a function of a module, "" for a method. Raises UnknownError, or what it raises."""
    # What was in memory before is nobody's value: an answer that reads it does not give what was found.
    name = name.replace("empty", "zeros")
    function = FUNCTIONS[module].get(name) if module else METHODS.get(name)
    if function is None:
        raise UnknownError(name)
    if name.startswith("index_put") and len(args) > 1 and isinstance(args[1], tuple | list):
        args[1] = tuple(torch.tensor(list(i)) if isinstance(i, list | range) else i for i in args[1])
    check(name, args, words)
    return function(*args, **words)


def check(name: str, args: Sequence[Any], words: Mapping[str, Any]) -> None:
    """Raise UnknownError where an operation is not in the lists, or would make something large."""
    every = (*args, *words.values())
    texts = [value for value in every if isinstance(value, str) and value not in TEXTS]
    if not words.keys() <= WORDS or (texts and name != "einsum"):
        raise UnknownError("an argument")
    tensors = list(_tensors(every))
    sizes = [max(1.0, abs(number)) for number in _numbers(every)]
    inputs = max(1, sum(tensor.numel() for tensor in tensors))
    small(inputs)
    if name in PRODUCTS:
        one, other, *_ = tensors[1:] if name.endswith("addmm") else tensors
        check_product(one, other.mT if name == "linear" and other.dim() > 1 else other)
    elif name in SQUARE:
        small(inputs, max(tensors[0].shape, default=1), limit=WORK)
    elif name == "outer":
        small(*(tensor.numel() for tensor in tensors))
    elif name == "einsum":
        _check_einsum(args)
    elif name == "arange":
        check_arange(*args)
    elif name in FILLED:
        small(*sizes, *(sizes if name == "eye" else ()))
    elif name in APART:
        small(max(tensors[0].shape, default=1), limit=PIECES)
        small(*(sizes if name == "tensor_split" else ()), limit=PIECES)
    elif name in INDEXED:
        check_broadcast(*tensors)
        picked = next((index for index in every if isinstance(index, tuple)), None) or tensors[1]
        check_index(tensors[0], picked)
    elif name in IMAGES:
        _check_image(name, tensors, inputs, sizes, args)
    elif name in GROWING:
        _check_growing(name, tensors, inputs, sizes, args, words)
    elif name in NO_LARGER:
        check_broadcast(*tensors)
    elif name not in OTHERS:
        raise UnknownError(name)


def check_axes(value: Any) -> Any:
    """Return the value. Raises UnknownError where it is a tensor of too many axes."""
    if isinstance(value, Tensor) and value.dim() > AXES:
        raise UnknownError("many axes")
    return value


def check_broadcast(*values: Any) -> None:
    """Raise UnknownError where the values, broadcast together, have too many elements."""
    shapes = [value.shape for value in values if isinstance(value, Tensor)]
    if len(shapes) > 1 and math.prod(shape.numel() for shape in shapes) > LARGEST:
        small(*_together(shapes))


def check_product(one: Any, other: Any) -> None:
    """Raise UnknownError where a matrix product would be large, or much work."""
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or not one.dim() or not other.dim():
        raise UnknownError("@")
    batch = [max(1, one.shape[:-2].numel()), max(1, other.shape[:-2].numel())]
    rows, columns = one.shape[-2] if one.dim() > 1 else 1, other.shape[-1] if other.dim() > 1 else 1
    small(*batch, rows, columns)
    small(*batch, rows, columns, one.shape[-1], limit=WORK)


def check_index(whole: Tensor, index: Any) -> None:
    """Raise UnknownError where picking by this index would make something large, or is written in a nested list."""
    parts = index if isinstance(index, tuple) else (index,)
    if not all(_is_one(entry) for part in parts if isinstance(part, list | tuple) for entry in part):
        raise UnknownError("a nested index")
    picked = [torch.Size([len(p)]) if isinstance(p, list) else p.shape for p in parts if isinstance(p, list | Tensor)]
    if picked:
        rest = sorted(whole.shape, reverse=True)[: max(0, whole.dim() - len(picked))]
        small(*_together(picked), *rest)


def small(*sizes: float, limit: int = LARGEST) -> None:
    """Raise UnknownError where the product of the sizes is beyond the limit."""
    if not math.prod(sizes) <= limit:
        raise UnknownError("too large")


def check_arange(*ends: Any) -> None:
    """Raise UnknownError where a range is long, or its ends are no plain numbers."""
    if not 1 <= len(ends) <= 3 or not all(isinstance(end, int | float) for end in ends):
        raise UnknownError("arange")
    start, end, step = (0, *ends, 1) if len(ends) == 1 else (*ends, 1)[:3]
    small(abs(end - start) / abs(step))


def _check_growing(
    name: str, tensors: list[Tensor], inputs: int, sizes: list[float], args: Sequence[Any], words: Mapping[str, Any]
) -> None:
    if name in ("one_hot", "repeat_interleave") and len(tensors) > 1:
        raise UnknownError(name)
    if name.startswith("diag"):
        small(inputs, max(tensors[0].shape, default=1) + max(sizes, default=0))
    elif name == "bincount":
        small(float(tensors[0].max()) + 1 + sum(sizes))
    elif name == "one_hot":
        small(inputs, *(sizes or [float(tensors[0].max()) + 1]))
    elif name in ("expand", "broadcast_to"):
        small(*([inputs] if -1 in list(_numbers(args[1:])) else []), *sizes)
    else:
        small(inputs, *sizes)


def _check_image(name: str, tensors: list[Tensor], inputs: int, sizes: list[float], args: Sequence[Any]) -> None:
    """Raise UnknownError where an operation on images may be large: sizes are those of kernels, steps and paddings."""
    image, kernel = tensors[0].shape, tensors[-1].shape
    if name == "pad":
        small(*(side + sum(sizes) for side in image))
    elif name.startswith("conv"):
        most = max(sizes, default=1.0)
        made = [
            image[0],
            max(kernel[:2]),
            *((side + wide + 2) * most for side, wide in zip(image[2:], kernel[2:], strict=True)),
        ]
        small(*made)
        small(*made, *kernel[1:], limit=WORK)
    elif name == "fold":  # by the size of what is made, from windows of kernel x kernel pixels
        kernel_side = args[2] if len(args) > 2 and type(args[2]) is int else 1
        small(image[0], image[1] / max(1, kernel_side**2), *2 * [max(sizes, default=1.0)])
    else:  # every pixel once for each place of the kernel
        small(inputs, *sizes, *sizes, limit=LARGEST if name == "unfold" else WORK)


def _check_einsum(args: Sequence[Any]) -> None:
    if not args or not isinstance(args[0], str) or "." in args[0] or len(args[0]) > 40:
        raise UnknownError("einsum")
    left, arrow, right = args[0].replace(" ", "").partition("->")
    sizes: dict[str, int] = {}
    for letters, tensor in zip(left.split(","), args[1:], strict=True):
        for letter, size in zip(letters, tensor.shape, strict=True):
            sizes[letter] = max(size, sizes.get(letter, 0))
    kept = right if arrow else [letter for letter in sizes if left.count(letter) == 1]
    small(*(sizes[letter] for letter in kept))
    small(*sizes.values(), limit=WORK if len(args) < 4 else LARGEST)


def _is_one(entry: Any) -> bool:
    return isinstance(entry, int) or (isinstance(entry, Tensor) and not entry.dim())


def _together(shapes: Sequence[torch.Size]) -> list[int]:
    longest = max(map(len, shapes))
    padded = [(1,) * (longest - len(shape)) + tuple(shape) for shape in shapes]
    return list(map(max, zip(*padded, strict=True)))


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, tuple | list):
            yield from _tensors(value)
        elif isinstance(value, Tensor):
            yield value


def _numbers(values: Any) -> Iterator[float]:
    for value in values:
        if isinstance(value, tuple | list):
            yield from _numbers(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield value
