"""What is zero but for rounding, where the gradient is not: something in it cancels."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from .fit import distance, largest
from .graph import Graph
from .guesses import Guess
from .powers import named
from .steps import Scene, Tensor, in_float64, sum_to, unsummed

NEARLY = 1e-3  # of what it would be, had nothing cancelled


def of_nothing(mine: Tensor, total: Tensor, scene: Scene, rounding: float) -> Iterator[Guess]:
    """Why what was found is nearly zero. rounding: relative to the terms of a sum."""
    for axis, size in enumerate(total.shape):
        summed = total.sum(axis)
        nothing = max(largest(summed), largest(mine)) <= rounding * size * largest(total)
        if nothing and mine.numel() == summed.numel() < total.numel():
            sentence = f"a sum too many: `{scene.tensor}` has its own gradient at every place of axis {axis}"
            yield Guess("wrong-axis", sentence, mine)
    if len(scene.routes) > 1 or mine.numel() != total.numel():
        return
    route = scene.routes[0]
    arriving = scene.arriving(route)
    graph = Graph(scene, route)
    cancelling = [
        (name, is_gradient)
        for name, value, is_gradient in _instead(graph)
        if value.shape == arriving.shape and _is(mine, value, graph, rounding)
    ]
    gradients = [name for name, is_gradient in cancelling if is_gradient]
    if cancelling and not gradients:
        sentence = f"this is nearly zero, for its terms cancel: d{route.target} is missing"
        yield Guess("upstream", sentence, mine)
    elif len(cancelling) == 1:
        sentence = (
            f"this is nearly zero, for its terms cancel: it is made from {gradients[0]}, not from d{route.target}"
        )
        yield Guess("other-upstream", sentence, mine)


def _instead(graph: Graph) -> Iterator[tuple[str, Tensor, bool]]:
    """What may stand in the place of what arrives: (name, value, whether it is a gradient)."""
    scene, target = graph.scene, graph.route.target
    yield "1", torch.ones_like(scene.arriving(graph.route)), False
    for name, gradient in scene.upstream.items():
        if name not in (target, scene.tensor):
            yield f"d{name}", in_float64(gradient), True
    for name, value in named(graph).items():
        if name != f"`d{target}`":
            yield name, value, False


def _is(mine: Tensor, arriving: Tensor, graph: Graph, rounding: float) -> bool:
    """Whether this is what was found, and nearly all of it cancels."""
    terms = [graph.along(term.path, arriving) for term in graph.terms]
    size = max([0.0, *map(largest, terms)])
    if len(terms) == 1:  # here it cancels within a sum, if at all
        scene, route = graph.scene, graph.route
        wide = unsummed(Scene(scene.tensor, (route,), scene.names, {**scene.upstream, route.target: arriving}), route)
        size = size if wide is None else largest(sum_to(wide.abs(), mine.shape))
    return largest(mine) <= NEARLY * size and distance(mine, sum(terms, torch.zeros_like(mine))) <= rounding * size
