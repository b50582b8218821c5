"""Factors that are made of named values: what one thing must be multiplied with to give another."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import torch

from .fit import ROUNDING, distance, largest, multiple
from .graph import Graph
from .guesses import Guess
from .steps import Tensor, in_float64

PLACES = 60  # elements that are looked at before all are
FEW = 8  # elements below which a product of powers is found for anything
ROUGH = 2e-3  # how far the logarithms may be off at those places


def named(graph: Graph) -> dict[str, Tensor]:
    """What a student has a name for: the values around these lines that fit the tensor's shape, and what arrives."""
    scene, shape = graph.scene, graph.scene.value.shape
    names = [*graph.values, *scene.upstream]
    found = {f"`{name}`": in_float64(scene.names[name]) for name in names if name in scene.names}
    found[f"`d{graph.route.target}`"] = scene.arriving(graph.route)
    # What has no name of its own comes last.
    found |= {node.text: graph.values[name] for name, node in graph.nodes.items() if node.text not in found}
    return {name: value for name, value in found.items() if fits_shape(value, shape)}


def fits_shape(value: object, shape: torch.Size) -> bool:
    """Whether a value can be a factor of what has this shape."""
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.numel() < 2:
        return False
    try:
        return value.expand(shape).shape == shape and bool(torch.isfinite(value).all())
    except RuntimeError:
        return False


def powers(
    mine: Tensor, others: Tensor, right: Tensor, what: str, graph: Graph, relative: float, size: int
) -> Iterator[Guess]:
    """What was found beside others is the right thing, or its inverse, times powers of so many values.

    relative: how exact the numbers are.
    """
    rest, right, values = mine - others, right.expand(mine.shape), named(graph)
    rounding = relative / ROUGH
    large = (rest.abs() > rounding * (mine.abs() + others.abs())) & (right.abs() > rounding * largest(right))
    places = large.flatten().nonzero()[:, 0]
    places = places[:: max(1, len(places) // PLACES)]
    if len(places) < FEW:
        return
    logs = {}
    for name, value in values.items():
        there = value.expand(mine.shape).flatten()[places].abs().log()
        if bool(torch.isfinite(there).all()) and float(there.std()) > ROUGH:
            logs[name] = there
    wanted, right_there = (x.flatten()[places].abs().log() for x in (rest, right))
    for times in (1, -1):
        for exponents in sorted(_exponents(wanted - times * right_there, logs, size), key=_unlikely):
            value = right**times
            for name, exponent in exponents.items():
                # A half power says nothing of a sign.
                value = value * (values[name] if exponent % 1 == 0 else values[name].abs()) ** exponent
            same = value * multiple(right, value)
            if distance(right, same) <= ROUNDING * largest(right):
                continue  # these powers come to nothing but a constant
            ratio = multiple(rest, value)
            more = "" if abs(ratio - 1) < ROUGH else "; a constant factor is wrong too"
            yield Guess("function", _sentence(what, times, exponents) + more, others + value * ratio)


def _unlikely(exponents: dict[str, float]) -> tuple[float, int, float]:
    """Whole powers come first, then what has a name, then small powers: several may have nearly the same value."""
    unnamed = sum(not name.strip("`").isidentifier() for name in exponents)
    return sum(power % 1 for power in exponents.values()), unnamed, sum(map(abs, exponents.values()))


def _exponents(wanted: Tensor, logs: dict[str, Tensor], size: int) -> Iterator[dict[str, float]]:
    """Exponents, whole or half, with which so many values give what is wanted, up to a constant."""
    choices = list(combinations(logs, size))
    if not choices:
        return
    columns = torch.stack([torch.stack([logs[n] for n in some] + [torch.ones_like(wanted)], 1) for some in choices])
    found = torch.linalg.lstsq(columns, wanted[None, :, None].expand(len(choices), -1, 1)).solution
    off = (columns @ found)[:, :, 0] - wanted
    for some, solution, error in zip(choices, found[:, :-1, 0], off.abs().amax(1), strict=True):
        halves = (solution * 2).round() / 2
        near = float(error) < ROUGH and float((solution - halves).abs().max()) < 10 * ROUGH
        if near and bool((halves != 0).all()) and bool((halves.abs() <= 3).all()):
            yield dict(zip(some, halves.tolist(), strict=True))


def _sentence(what: str, times: int, exponents: dict[str, float]) -> str:
    if times < 0:
        return f"{what} is divided by something that belongs above"
    if len(exponents) == 1:
        name, exponent = next(iter(exponents.items()))
        return f"{what} is right but for a factor {_power(name, abs(exponent))}, " + (
            "which is missing" if exponent < 0 else "which does not belong there"
        )
    (one, first), (other, second) = exponents.items()
    if first == -second:
        wrong, belongs = (one, other) if first > 0 else (other, one)
        return f"{what} has {_power(wrong, abs(first))} where {_power(belongs, abs(first))} belongs"
    both = " and ".join(_power(name, exponent) for name, exponent in exponents.items())
    return f"{what} is right but for factors {both}, which do not belong there"


def _power(name: str, exponent: float) -> str:
    inner = name.strip("`")
    return name if exponent == 1 else f"`{inner if inner.isidentifier() else f'({inner})'}**{exponent:g}`"
