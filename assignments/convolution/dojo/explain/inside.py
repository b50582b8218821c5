"""Mistakes inside a line, or in some of the paths through values that have no gradient of their own.

As in mistakes.py, each guess holds the gradient that the mistake would give.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, combinations

import torch

from .factors import fits_shape, named_values, of_powers
from .fit import ENOUGH, Close, Guess, largest, made_of, multiple
from .forward import Line, Tensor, product, read_lines
from .graph import Graph, Term
from .mistakes import shared_out
from .sums import of_reductions, of_shares
from .variants import other_constants, other_names

SEVERAL = 4  # up to so many paths, every set of them is tried: 15 sets; with more, single paths and all
SAME = 1e-9  # rounding of float64, relative to the largest element


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the paths of a route. where: words that follow "the gradient". value: the sum of their contributions."""

    where: str
    terms: tuple[Term, ...]
    value: Tensor

    @property
    def lines(self) -> tuple[Line, ...]:
        """The forward lines of these paths, each once."""
        return tuple(dict.fromkeys(line for term in self.terms for line in term.lines))


def parts_of_graph(graph: Graph) -> Iterator[Part]:
    """Yield each single path, then the sets of several, and at last all paths together, which need no words."""
    terms = graph.terms
    for size in range(1, len(terms)) if len(terms) <= SEVERAL else (1,):
        for some in combinations(terms, size):
            value = sum((term.value for term in some), torch.zeros_like(some[0].value))
            yield Part(" " + " and ".join(term.label for term in some), some, value)
    if terms:
        yield Part(graph.where, terms, sum((term.value for term in terms), torch.zeros_like(terms[0].value)))


def wrong_part(mine: Tensor, graph: Graph, close: Close) -> tuple[Part, float] | None:
    """Find the paths that share one wrong factor, where all other paths are right. Returns them and the factor.

    Returns None where there is one path only, where none or all are wrong, or where no such factor explains `mine`.
    """
    terms = graph.terms
    if len(terms) < 2:
        return None
    columns = torch.stack([term.value.expand(mine.shape).flatten() / largest(term.value) for term in terms], 1)
    sizes = torch.linalg.svdvals(columns)
    if float(sizes[-1]) < 1e-3 * float(sizes[0]) or len(columns) < ENOUGH + len(terms):
        return None
    found = torch.linalg.lstsq(columns, mine.flatten()[:, None]).solution[:, 0]
    slack = max(close.relative * largest(mine), SAME * largest(mine))
    ratios = [float(c) / largest(term.value) for c, term in zip(found, terms, strict=True)]
    off = [
        (term, ratio) for term, ratio in zip(terms, ratios, strict=True) if abs(ratio - 1) * largest(term.value) > slack
    ]
    if not off or len(off) == len(terms):
        return None
    some = tuple(term for term, _ in off)
    part = Part(" " + " and ".join(t.label for t in some), some, sum((t.value for t in some), torch.zeros_like(mine)))
    rest = mine - sum((term.value for term in terms if term not in some), torch.zeros_like(mine))
    ratio = multiple(rest, part.value)
    return (part, ratio) if float((rest - ratio * part.value).abs().max()) <= min(slack, close.most) else None


def of_factor(part: Part, ratio: float, close: Close) -> Guess | None:
    """Return the guess for a factor with a name of its own: 0 (missing), -1 (sign) or 2 (twice); else None."""
    for factor, kind, words in (
        (0, "path-missing", "is missing"),
        (-1, "sign", "has the wrong sign"),
        (2, "path-twice", "is counted twice"),
    ):
        if math.isclose(ratio, factor, abs_tol=100 * close.relative):
            return Guess(kind, f"the gradient{part.where} {words}", factor * part.value)
    return None


def of_inside(mine: Tensor, graph: Graph, close: Close) -> Iterator[Guess]:
    """Yield mistakes in some of the paths, or in all; each value is a whole contribution of the route.

    mine: what was found in place of the route's contribution.
    """
    parts = list(parts_of_graph(graph))
    if not parts:
        return
    others = {part: parts[-1].value - part.value for part in parts}
    variants = list(_variants(graph))

    def made(make: Callable[[Part], Iterator[Guess]]) -> Iterator[Guess]:
        for part in parts:
            for guess in make(part):
                rest = mine - others[part]
                ratio = multiple(rest, guess.value) if guess.any_factor else 1.0
                yield Guess(guess.kind, guess.sentence, others[part] + ratio * guess.value)

    def by_powers(size: int) -> Iterator[Guess]:
        for part in parts:
            what = f"the gradient{part.where}"
            yield from of_powers(mine, others[part], part.value, what, graph, close.relative, size)

    yield from made(partial(_of_variants, variants, graph))
    yield from made(partial(_of_arriving, graph))
    yield from of_the_way(graph)
    for part in parts:
        what = f"the gradient{part.where}"
        yield from of_shares(others[part], part.value, what, graph, close)
        yield from of_places_in(mine, others[part], part.value, what, graph, close)
    yield from by_powers(1)
    yield from made(lambda part: of_reductions(graph, part.terms, part.where))
    yield from by_powers(2)


@dataclass(frozen=True)
class Variant:
    """The route with one mistake in its forward lines. kind, said: as in a Guess. terms: contributions by path."""

    kind: str
    said: str
    graph: Graph
    terms: dict[tuple[str, ...], Tensor]


def _variants(graph: Graph) -> Iterator[Variant]:
    """Yield the route with another constant (no epsilon, n in place of n - 1) or another tensor in its lines."""
    route = graph.route
    names = {name.strip("`") for name in named_values(graph)}
    given = sorted(names.intersection(graph.values) - set(graph.nodes) - {route.tensor})
    shapes = {name: graph.scene.names[name].shape for name in sorted(names) if name in graph.scene.names}
    others: list[tuple[str, str | None]] = [(name, None) for name in given]
    others += [(name, other) for name in given for other in shapes if other != name and shapes[other] == shapes[name]]
    for kind, said, sources in chain(other_constants(route), other_names(route, others)):
        other = Graph(graph.scene, replace(route, lines=read_lines("\n".join(sources))))
        try:
            arriving = other.adjoints[route.target]
            terms = {term.path: other.along(term.path, arriving) for term in graph.terms}
        except Exception:  # a line that is only like the exercise's may do anything
            continue
        yield Variant(kind, said, other, terms)


def _of_variants(variants: list[Variant], graph: Graph, part: Part) -> Iterator[Guess]:
    """Yield guesses that a part was differentiated through a variant's lines, wholly or in one value."""
    for variant in variants:
        sentence = f"{variant.said}, in the gradient{part.where}" if part.where else variant.said
        value = sum((variant.terms[term.path] for term in part.terms), torch.zeros_like(part.value))
        yield Guess(variant.kind, sentence, value)
        # Another tensor in one value only is a factor made of named values: of_powers finds it.
        for name in graph.nodes if variant.kind != "function" else ():
            now, then = graph.values[name], variant.graph.values[name]
            if (
                fits_shape(now, part.value.shape)
                and now.shape == then.shape
                and not torch.allclose(now, then, rtol=SAME)
            ):
                for power in (1, 2, 3, -1):
                    yield Guess(variant.kind, sentence, part.value * (then / now) ** power)


def _of_arriving(graph: Graph, part: Part) -> Iterator[Guess]:
    """Yield guesses that a part was made without the gradient that arrives, or with a value in its place."""
    scene, target = graph.scene, graph.route.target
    arriving = scene.arriving(graph.route)
    if arriving.numel() == 1:
        return
    alone = sum((graph.along(t.path, torch.ones_like(arriving)) for t in part.terms), torch.zeros(()))
    yield Guess("upstream", f"d{target} is missing in the gradient{part.where}", alone)
    if len(part.terms) < len(graph.terms):
        whole = sum((term.value for term in graph.terms), torch.zeros(()))
        sentence = f"d{target} is missing, and so is every path but the one{part.where}"
        yield Guess("upstream", sentence, alone - (whole - part.value))
        return
    for name, value in named_values(graph).items():
        if value.shape == arriving.shape and value is not arriving:
            other = product(scene, graph.route, arriving=value)
            if other is not None:
                yield Guess("upstream", f"d{target} is missing: {name} stands in its place", other)


def of_places_in(mine: Tensor, others: Tensor, right: Tensor, what: str, graph: Graph, close: Close) -> Iterator[Guess]:
    """Yield guesses that a path's gradient stands at places that it does not reach.

    mine: the gradient that was found. others: what all other paths contribute. right: what this path should. what: how
    a sentence calls it. graph: of its route.
    """
    arriving = graph.scene.arriving(graph.route)
    for guess in shared_out(right, what, graph.route.text):
        yield Guess(guess.kind, guess.sentence, others + guess.value)
    rest, there = mine - others, right != 0
    slack = close.relative * largest(mine)
    wrong = rest[~there & (rest.abs() > slack)]
    # Other numbers there are those of another mistake.
    if int(there.sum()) >= ENOUGH and close.same(rest[there], right[there]) and made_of(wrong, arriving, slack):
        sentence = f"{what} stands at places that it does not reach; there it must be 0"
        yield Guess("elsewhere", sentence, others + right.where(there, rest))


def of_the_way(graph: Graph) -> Iterator[Guess]:
    """Yield guesses that the gradient of a value between target and tensor was taken for that of the tensor."""
    for name, node in graph.nodes.items():
        gradient = graph.adjoints.get(name)
        if name != graph.route.target and gradient is not None and gradient.shape == graph.scene.value.shape:
            sentence = f"this is the gradient of {node.text}: the way from there to `{graph.scene.tensor}` is missing"
            yield Guess("local", sentence, gradient)
