"""The operations on tensors that a student's cell may use to be evaluated, with a bound on what each makes.

Text from anywhere is evaluated, so an operation is refused before it makes anything large.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

Tensor = torch.Tensor

LARGEST = 4_000_000  # elements of any tensor; a minibatch of the course has some thousands
WORK = 100 * LARGEST  # products of two numbers within one operation

# Their result has no more elements than their arguments have when they are broadcast together.
_SAME_SIZE = (
    "abs absolute acos add addcmul all amax amin any argmax argmin argsort asin atan atan2 bool ceil "
    "chunk clamp clamp_min clamp_max clone contiguous cos cosh count_nonzero cpu cumsum detach diagonal "
    "dim div divide double elu eq erf erfc exp exp2 expm1 flatten flip fliplr flipud float floor gather "
    "ge gelu greater gt index_add index_copy index_put index_select int isfinite isinf isnan item le "
    "leaky_relu less lerp log log10 log1p log2 log_softmax logaddexp logical_and logical_not logical_or "
    "logsigmoid logsumexp long lt masked_fill max maximum mean min minimum movedim moveaxis mul multiply "
    "nan_to_num ndimension ne neg negative nelement norm normalize not_equal numel permute pow prod ravel "
    "reciprocal relu reshape reshape_as roll round rsqrt scatter scatter_add select sigmoid sign silu sin "
    "sinh size softmax softplus sort split sqrt square squeeze stack cat concat concatenate std sub "
    "subtract sum sum_to_size swapaxes swapdims t take_along_dim tan tanh tensor_split to topk transpose "
    "tril triu true_divide trunc type type_as unbind unsqueeze var view view_as where abs_ add_ clamp_ "
    "copy_ div_ exp_ fill_ index_add_ index_copy_ index_fill_ index_put_ log_ masked_fill_ mul_ neg_ pow_ "
    "relu_ scatter_ scatter_add_ sigmoid_ sign_ sqrt_ square_ squeeze_ sub_ tanh_ unsqueeze_ zero_ "
    "binary_cross_entropy mse_loss "
)
NO_LARGER = frozenset(_SAME_SIZE.split())
PRODUCTS = frozenset(["matmul", "mm", "bmm", "mv", "dot", "vdot", "inner"])
OUTER = frozenset(["outer", "kron"])
ZEROS = frozenset(["zeros", "ones", "full", "empty", "eye", "arange", "new_zeros", "new_ones", "new_full"])
LIKE = frozenset(["zeros_like", "ones_like", "full_like", "empty_like"])
_LARGER = (
    "repeat tile unfold fold tensor as_tensor new_tensor expand expand_as broadcast_to unflatten pad "
    "one_hot diag repeat_interleave max_pool2d max_pool1d avg_pool2d avg_pool1d conv2d conv1d "
    "conv_transpose2d conv_transpose1d "
)
GROWING = frozenset(_LARGER.split())


class UnknownError(Exception):
    """The cell holds something that is not evaluated here."""


def check(name: str, args: Sequence[Any], words: Mapping[str, Any]) -> None:
    """Raise UnknownError where an operation is not in the lists, or would make something large."""
    every = (*args, *words.values())
    tensors = list(_tensors(every))
    numbers = [max(1.0, abs(number)) for number in _numbers(every)]
    inputs = max(1, sum(tensor.numel() for tensor in tensors))
    if "out" in words:
        raise UnknownError("out")
    if name in PRODUCTS:
        check_product(tensors[0], tensors[1])
    elif name in OUTER:
        small(*(tensor.numel() for tensor in tensors))
    elif name == "einsum":
        _check_einsum(args)
    elif name in ZEROS:
        small(*numbers)
    elif name in GROWING:
        if name in ("one_hot", "repeat_interleave") and len(tensors) > (name == "one_hot"):
            raise UnknownError(name)
        if name == "one_hot":  # whose size may come from the largest class
            numbers.append(float(tensors[0].max()) + 1)
        if name == "diag":
            numbers.append(inputs if tensors[0].dim() == 1 else 1)
        small(inputs, *numbers)
    elif name in NO_LARGER or name in LIKE:
        check_broadcast(*tensors)
        small(inputs)
    else:
        raise UnknownError(name)


def check_broadcast(*values: Any) -> None:
    """Raise UnknownError where the values, broadcast together, have too many elements."""
    shapes = [value.shape for value in values if isinstance(value, Tensor)]
    if len(shapes) > 1 and math.prod(shape.numel() for shape in shapes) > LARGEST:
        longest = max(map(len, shapes))
        padded = [(1,) * (longest - len(shape)) + tuple(shape) for shape in shapes]
        small(*map(max, zip(*padded, strict=True)))


def check_product(one: Any, other: Any) -> None:
    """Raise UnknownError where a matrix product would be large, or much work."""
    if not isinstance(one, Tensor) or not isinstance(other, Tensor) or not one.dim() or not other.dim():
        raise UnknownError("@")
    batch = [max(1, one.shape[:-2].numel()), max(1, other.shape[:-2].numel())]
    rows, columns = one.shape[-2] if one.dim() > 1 else 1, other.shape[-1] if other.dim() > 1 else 1
    small(*batch, rows, columns)
    small(*batch, rows, columns, one.shape[-1], limit=WORK)


def check_index(whole: Tensor, index: Any) -> None:
    """Raise UnknownError where picking by this index would make something large."""
    parts = index if isinstance(index, tuple) else (index,)
    picked = [torch.Size([len(p)]) if isinstance(p, list) else p.shape for p in parts if isinstance(p, list | Tensor)]
    if picked:
        rest = sorted(whole.shape, reverse=True)[: max(0, whole.dim() - len(picked))]
        small(*(shape.numel() for shape in picked[:1]), *rest)
        small(*(max(1, shape.numel()) for shape in picked), limit=WORK)
        longest = max(map(len, picked))
        padded = [(1,) * (longest - len(shape)) + tuple(shape) for shape in picked]
        small(*map(max, zip(*padded, strict=True)), *rest)


def small(*sizes: float, limit: int = LARGEST) -> None:
    """Raise UnknownError where the product of the sizes is beyond the limit."""
    if math.prod(sizes) > limit:
        raise UnknownError("too large")


def _check_einsum(args: Sequence[Any]) -> None:
    if not args or not isinstance(args[0], str) or "." in args[0]:
        raise UnknownError("einsum")
    left, arrow, right = args[0].replace(" ", "").partition("->")
    sizes: dict[str, int] = {}
    for letters, tensor in zip(left.split(","), args[1:], strict=True):
        sizes |= dict(zip(letters, tensor.shape, strict=True))
    kept = right if arrow else [letter for letter in sizes if left.count(letter) == 1]
    small(*(sizes[letter] for letter in kept))
    small(*sizes.values(), limit=WORK if len(args) < 4 else LARGEST)


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
