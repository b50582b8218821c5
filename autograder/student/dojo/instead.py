"""What may stand in the place of one path: a function of the tensor, or a value at more places than belong to it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from .fit import ENOUGH, Close, distance, largest, multiple
from .guesses import Guess
from .steps import Tensor


def of_instead(mine: Tensor, others: Tensor, right: Tensor, what: str, x: Tensor, close: Close) -> Iterator[Guess]:
    """What was found beside others is not the right thing of a path. x: the tensor. what: "the gradient ..."."""
    rest, slack = mine - others, close.relative * largest(mine)
    over = [axis for axis in range(x.dim()) if _is_multiple(right, x.softmax(axis), slack)]
    for axis in range(x.dim()) if over else ():
        sentence = f"in {what} the softmax is over axis {axis}, expected axis {over[0]}"
        yield from _scaled("wrong-axis", sentence, rest, others, x.softmax(axis))
    functions = {"exp": x.exp(), "sigmoid": x.sigmoid(), "tanh": x.tanh(), "clone": x}
    functions |= {f"log_softmax({axis})": x.log_softmax(axis) for axis in range(x.dim())}
    for name, value in functions.items():
        by = "it" if name == "clone" else f"its `{name}`"
        sentence = f"{what} is made of the tensor by {by}, which is not the derivative"
        yield from _scaled("function", sentence, rest, others, value)
    there = right != 0
    if ENOUGH <= int(there.sum()) < right.numel() and float(right[there].std()) <= slack:
        belongs = right[there].mean()
        wider = rest.abs() > slack
        if bool(wider[there].all()) and bool(wider[~there].any()):
            sentence = f"{what} stands at places that it does not reach; there it must be 0"
            yield Guess("elsewhere", sentence, others + belongs * wider)


def _scaled(kind: str, sentence: str, rest: Tensor, others: Tensor, value: Tensor) -> Iterator[Guess]:
    if bool(torch.isfinite(value).all()) and value.any():
        yield Guess(kind, sentence, others + multiple(rest, value) * value)


def _is_multiple(one: Tensor, other: Tensor, slack: float) -> bool:
    return distance(one, multiple(one, other) * other) <= slack
