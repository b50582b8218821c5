"""What may stand in the place of one path: a function of the tensor, or a value at more places than belong to it."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from .fit import ENOUGH, Close, distance, largest, multiple
from .graph import Graph
from .guesses import Guess
from .powers import named
from .steps import Tensor


def of_instead(mine: Tensor, others: Tensor, right: Tensor, what: str, x: Tensor, close: Close) -> Iterator[Guess]:
    """What was found beside others is not the right thing of a path. x: the tensor. what: "the gradient ..."."""
    rest, slack = mine - others, close.relative * largest(mine)
    for name, value in _functions(x):
        sentence = f"{what} is made of the tensor {name}, which is not the derivative"
        yield from _scaled("function", sentence, rest, others, value)
    there = right != 0
    if ENOUGH <= int(there.sum()) < right.numel() and float(right[there].std()) <= slack:
        belongs = right[there].mean()
        wider = rest.abs() > slack
        if bool((wider & ~there).any()):
            sentence = f"{what} stands at places that it does not reach; there it must be 0"
            yield Guess("elsewhere", sentence, others + belongs * wider)


def of_shares(others: Tensor, right: Tensor, what: str, graph: Graph, close: Close) -> Iterator[Guess]:
    """What is divided by its own sum, as in a softmax, divided by a sum over other axes."""
    x, slack = graph.scene.value, close.relative * largest(right)
    values = {"the exp of the tensor": (x - x.max()).exp()} | named(graph)
    for name, value in values.items():
        if value.shape != right.shape or right.shape != x.shape:
            continue
        sums = {f"axis {axis}": value.sum(axis, keepdim=True) for axis in range(x.dim())} | {"all axes": value.sum()}
        if not all(bool(s.all()) for s in sums.values()):
            continue
        shares = {axes: value / s for axes, s in sums.items()}
        true = [axes for axes, share in shares.items() if distance(right, multiple(right, share) * share) <= slack]
        for axes, share in shares.items() if len(true) == 1 else ():
            if axes not in true:
                sentence = f"in {what} {name} is divided by its sum over {axes}, expected {true[0]}"
                yield Guess("wrong-axis", sentence, others + multiple(right, shares[true[0]]) * share)


def of_neighbours(mine: Tensor, others: Tensor, right: Tensor, what: str, graph: Graph) -> Iterator[Guess]:
    """As of_instead, of the values around the tensor."""
    rest = mine - others
    for name, value in named(graph).items():
        if value.shape == right.shape:
            for made, other in _functions(value):
                yield from _scaled(
                    "function", f"{what} is made of {name} {made}, which is not the derivative", rest, others, other
                )
            slope = value - value**2
            sentence = f"{what} has a factor {name} times 1 less {name}, which does not belong there"
            yield Guess("function", sentence, others + right * slope)
            sentence = f"{what} is made of {name} times 1 less {name}, which is not the derivative"
            yield from _scaled("function", sentence, mine, torch.zeros_like(others), slope)


def of_the_way(graph: Graph) -> Iterator[Guess]:
    """The gradient of something between the target and the tensor."""
    for name, node in graph.nodes.items():
        gradient = graph.adjoints.get(name)
        if name != graph.route.target and gradient is not None and gradient.shape == graph.scene.value.shape:
            sentence = f"this is the gradient of {node.text}: the way from there to `{graph.scene.tensor}` is missing"
            yield Guess("local", sentence, gradient)


def _functions(x: Tensor) -> Iterator[tuple[str, Tensor]]:
    """What is made of a tensor without a derivative: (how, value)."""
    yield "by its `exp`", x.exp()
    yield "by its `sigmoid`", x.sigmoid()
    yield "by its `tanh`", x.tanh()
    yield "itself", x
    for axis in range(x.dim()):
        yield f"by its `log_softmax({axis})`", x.log_softmax(axis)
        yield f"by its `softmax({axis})`", x.softmax(axis)


def _scaled(kind: str, sentence: str, rest: Tensor, others: Tensor, value: Tensor) -> Iterator[Guess]:
    if bool(torch.isfinite(value).all()) and value.any():
        yield Guess(kind, sentence, others + multiple(rest, value) * value)
