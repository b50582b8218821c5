"""The sums that a broadcast becomes on the way back, within one of several paths: left out, or over other axes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import torch

from .fit import largest
from .graph import Graph, Term
from .guesses import Guess, axes_text
from .powers import named
from .steps import Tensor


@dataclass(frozen=True)
class Reduction:
    """A path is after * (inside summed over axes): what a broadcast forward becomes backward."""

    inside: Tensor
    after: Tensor
    axes: tuple[int, ...]
    what: str


def of_reductions(graph: Graph, terms: tuple[Term, ...], where: str) -> Iterator[Guess]:
    """The sum in one path: left out, over other axes, of something else. where: how to call the path."""
    if len(terms) > 1:
        return
    values = named(graph)
    for found in _reductions(graph, terms[0]):
        inside, after, axes = found.inside, found.after, found.axes
        along, path = axes_text(axes), where or f" of {found.what}"
        yield Guess("not-summed", f"in the gradient{path} the sum over {along} is missing", after * inside)
        for moved in _moved(graph, found, [v for v in values.values() if _is_flat(v, inside, axes)]):
            outside = after * inside.sum(axes, keepdim=True) / moved.sum(axes, keepdim=True)
            for size in range(1, inside.dim() + 1):
                for others in combinations(range(inside.dim()), size):
                    if others != axes:
                        sentence = f"in the gradient{path} the sum is over {axes_text(others)}, expected {along}"
                        summed = outside * moved.sum(others, keepdim=True)
                        yield Guess("wrong-axis", sentence, summed, any_factor=True)
            sentence = f"the gradient{path} is divided by a sum over {along} that belongs above"
            yield Guess("function", sentence, outside / moved.sum(axes, keepdim=True))
        wide = {name: v.expand(inside.shape) for name, v in values.items() if not _is_flat(v, inside, axes)}
        for factor, said in _factors(wide):
            sentence = f"in the gradient{path} {said} in the sum over {along}"
            summed = (inside * factor).sum(axes, keepdim=True)
            yield Guess("function", sentence, after * summed)
            yield Guess("function", sentence, after * factor * summed)


def _reductions(graph: Graph, term: Term) -> Iterator[Reduction]:
    for place in range(len(term.path) - 1, 0, -1):
        name, end = term.path[place - 1], term.path[place]
        small, out = graph.values[name], graph.values[end]
        if small.numel() >= out.numel() or small.dim() != out.dim():
            continue
        try:
            wide = small.expand(out.shape)
        except RuntimeError:
            continue
        arriving = graph.along(term.path[place:], graph.adjoints[term.path[-1]])
        inside = graph.back(graph.nodes[end], name, arriving, at=wide)
        after = graph.along(term.path[:place], torch.ones_like(small))
        axes = tuple(axis for axis, size in enumerate(small.shape) if size != out.shape[axis])
        if torch.allclose(after * inside.sum(axes, keepdim=True), term.value, rtol=1e-6, atol=1e-12):
            yield Reduction(inside, after, axes, graph.nodes[end].text)


def _is_flat(value: Tensor, inside: Tensor, axes: tuple[int, ...]) -> bool:
    """Whether a value is the same along these axes."""
    shape = (1,) * (inside.dim() - value.dim()) + tuple(value.shape)
    return all(shape[axis] == 1 for axis in axes)


def _moved(graph: Graph, found: Reduction, flat: list[Tensor]) -> Iterator[Tensor]:
    """What is summed, but for factors that are the same along the axes: they may stand within the sum or before it."""
    arriving = graph.scene.arriving(graph.route)
    factor = found.inside / arriving if arriving.shape == found.inside.shape else None
    yield found.inside
    if factor is not None and bool(torch.isfinite(factor).all()):
        mean = factor.mean(found.axes, keepdim=True)
        if float((factor - mean).abs().max()) <= 1e-6 * largest(factor):
            yield arriving
    for one in flat:
        yield found.inside / one
        yield found.inside * one
        for other in flat:
            yield found.inside / one * other


def _factors(values: dict[str, Tensor]) -> Iterator[tuple[Tensor, str]]:
    for name, value in values.items():
        for power, said in ((1, "there is a factor {} too many"), (-1, "a factor {} is missing"), (-2, "{} divides")):
            yield value**power, said.format(name)
    for name, value in values.items():
        for other, instead in values.items():
            if other != name:
                yield instead / value, f"{other} stands where {name} belongs"
