"""Sums in a backward step: left out, taken over other axes, or over terms that cancel.

A tensor that was broadcast forward gets, backward, the sum of its gradient over the axes of the broadcast.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import torch

from .factors import named_values
from .fit import Close, Guess, distance, is_multiple, largest, multiple
from .forward import Route, Scene, Tensor, in_float64, sum_to, unsummed
from .graph import Graph, Term

NEARLY = 1e-3  # a sum smaller than this share of its terms has cancelled


@dataclass(frozen=True)
class Reduction:
    """A path's contribution, split at a sum: after * inside.sum(axes). what: the text of the operation there."""

    inside: Tensor
    after: Tensor
    axes: tuple[int, ...]
    what: str


def of_sums(scene: Scene, route: Route) -> Iterator[Guess]:
    """Yield guesses that the sum over the axes of a broadcast is left out, or taken over other axes."""
    value, wide = scene.value, unsummed(scene, route)
    if wide is None:
        return
    padded = (1,) * (wide.dim() - value.dim()) + tuple(value.shape)
    axes = tuple(axis for axis, size in enumerate(padded) if size != wide.shape[axis])
    along = axes_text(axes)
    sizes = " and ".join(str(wide.shape[axis]) for axis in axes)
    said = f"`{scene.tensor}` was broadcast along {along} (size {sizes}) of `{route.target}`"
    yield Guess("not-summed", f"the sum over {along} is missing: {said}", wide, any_factor=True)
    for size in range(1, wide.dim() + 1):
        for others in combinations(range(wide.dim()), size):
            if others != axes:
                sentence = f"summed over {axes_text(others)}, expected {along}: {said}"
                for keep in (True, False):
                    yield Guess("wrong-axis", sentence, wide.sum(others, keepdim=keep), any_factor=True)


def of_reductions(graph: Graph, terms: tuple[Term, ...], where: str) -> Iterator[Guess]:
    """Yield guesses on the sum within a single path: left out, over other axes, or of another product.

    where: words that name the path, "" where it is the only one.
    """
    if len(terms) > 1:
        return
    values = named_values(graph)
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
                        if not is_multiple(summed, terms[0].value):  # of numbers that are equal along an axis
                            # A sum of all is a number, so that any factor would do for code without a sum.
                            yield Guess("wrong-axis", sentence, summed, any_factor=size < inside.dim())
            sentence = f"the gradient{path} is divided by a sum over {along} that belongs above"
            yield Guess("function", sentence, outside / moved.sum(axes, keepdim=True))
        wide = {name: v.expand(inside.shape) for name, v in values.items() if not _is_flat(v, inside, axes)}
        for factor, said in _factors(wide):
            sentence = f"in the gradient{path} {said} in the sum over {along}"
            summed = (inside * factor).sum(axes, keepdim=True)
            yield Guess("function", sentence, after * summed)
            yield Guess("function", sentence, after * factor * summed)


def of_shares(others: Tensor, right: Tensor, what: str, graph: Graph, close: Close) -> Iterator[Guess]:
    """Yield guesses that a value divided by its own sum, as in a softmax, is divided by a sum over other axes.

    others: what all other paths contribute. right: what this path should. what: how a sentence calls it.
    """
    x, slack = graph.scene.value, close.relative * largest(right)
    values = {"the exp of the tensor": (x - x.max()).exp()} | named_values(graph)
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


def of_nothing(mine: Tensor, total: Tensor, scene: Scene, rounding: float) -> Iterator[Guess]:
    """Yield guesses on why the gradient that was found is zero up to rounding, and the true one is not.

    rounding: how far rounding takes a sum from zero, relative to its terms.
    """
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


def _reductions(graph: Graph, term: Term) -> Iterator[Reduction]:
    for index in range(len(term.path) - 1, 0, -1):
        name, end = term.path[index - 1], term.path[index]
        small, out = graph.values[name], graph.values[end]
        if small.numel() >= out.numel() or small.dim() != out.dim():
            continue
        try:
            wide = small.expand(out.shape)
        except RuntimeError:
            continue
        arriving = graph.along(term.path[index:], graph.adjoints[term.path[-1]])
        inside = graph.back(graph.nodes[end], name, arriving, at=wide)
        after = graph.along(term.path[:index], torch.ones_like(small))
        axes = tuple(axis for axis, size in enumerate(small.shape) if size != out.shape[axis])
        if torch.allclose(after * inside.sum(axes, keepdim=True), term.value, rtol=1e-6, atol=1e-12):
            yield Reduction(inside, after, axes, graph.nodes[end].text)


def _is_flat(value: Tensor, inside: Tensor, axes: tuple[int, ...]) -> bool:
    """Return whether a value has one element along each of these axes of `inside`."""
    shape = (1,) * (inside.dim() - value.dim()) + tuple(value.shape)
    return all(shape[axis] == 1 for axis in axes)


def _moved(graph: Graph, found: Reduction, flat: list[Tensor]) -> Iterator[Tensor]:
    """Yield `inside`, then `inside` with factors taken out that do not vary along the axes.

    Such factors may stand within the sum or before it, and over other axes that makes a difference.
    """
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


def _instead(graph: Graph) -> Iterator[tuple[str, Tensor, bool]]:
    """Yield what may stand in place of the gradient that arrives, as (name, value, whether it is a gradient)."""
    scene, target = graph.scene, graph.route.target
    yield "1", torch.ones_like(scene.arriving(graph.route)), False
    for name, gradient in scene.upstream.items():
        if name not in (target, scene.tensor):
            yield f"d{name}", in_float64(gradient), True
    for name, value in named_values(graph).items():
        if name != f"`d{target}`":
            yield name, value, False


def _is(mine: Tensor, arriving: Tensor, graph: Graph, rounding: float) -> bool:
    """Return whether `arriving` gives the gradient that was found, and nearly all of it cancels."""
    terms = [graph.along(term.path, arriving) for term in graph.terms]
    size = max([0.0, *map(largest, terms)])
    if len(terms) == 1:  # here it cancels within a sum, if at all
        scene, route = graph.scene, graph.route
        wide = unsummed(Scene(scene.tensor, (route,), scene.names, {**scene.upstream, route.target: arriving}), route)
        size = size if wide is None else largest(sum_to(wide.abs(), mine.shape))
    return largest(mine) <= NEARLY * size and distance(mine, sum(terms, torch.zeros_like(mine))) <= rounding * size


def axes_text(axes: tuple[int, ...]) -> str:
    """Return the words for some axes: "axis 0", "axes 0 and 1"."""
    return ("axis " if len(axes) == 1 else "axes ") + " and ".join(map(str, axes))
