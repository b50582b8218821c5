"""Guessers of causes that many formulas come close to: asked last."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import torch

from .fit import ENOUGH, RIGHT_32, SUMS, Close, Guess, distance, largest, made_of, multiple
from .forward import Route, Scene, Tensor, double
from .graph import Graph
from .inside import of_inside, wrong_part
from .mistakes import of_a_route, of_places, of_shape, shared_out
from .question import Guesser, Question
from .sentences import Explanation, explanation_of
from .simple import of_some_paths
from .sums import of_nothing, of_sums

MANY = 8  # with fewer different elements, two tensors may have the same ones by chance
FOURTH = 4  # of the elements, as many must be zero, and of those found as many stand there, for it to be no chance


def nothing(question: Question) -> Explanation | None:
    """Name why the gradient that was found cancels to zero."""
    with double(), torch.no_grad():
        limit = min(question.relative, RIGHT_32)
        guesses = of_nothing(question.mine, question.total, question.scene, limit)
        return next((explanation_of(guess) for guess in guesses), None)


def rearranged(question: Question) -> Explanation | None:
    """Name numbers that are right, at the wrong places."""
    if not _is_rearranged(question.mine, question.total):
        return None
    sentence = f"the right numbers at the wrong places: they are not in the order of `{question.scene.tensor}`"
    return Explanation("reshape", sentence, "rearranged")


def places(question: Question) -> Explanation | None:
    """Name elements that must be zero, or must not be."""
    scene, close = question.scene, question.close
    for route, rest in question.rests.items():
        where = "the gradient" if len(scene.routes) == 1 else f"the gradient through `{scene.through(route)}`"
        one = question.fits(shared_out(question.parts[route.target], where, route.text), rest)
        if one is not None:
            return one
    guesses = _some_right(question.mine, question.total, scene.tensor, "", close)
    found = next((explanation_of(guess) for guess in guesses), None)
    if found is not None or len(scene.routes) == 1:
        return found
    for route, rest in question.rests.items():
        part, where = question.parts[route.target], f", in the gradient through `{scene.through(route)}`"
        wrong = rest[(part == 0) & (rest.abs() > RIGHT_32 * largest(rest))]
        # Other numbers there are those of a mistake in another route.
        if not wrong.numel() or made_of(wrong, scene.arriving(route), close.relative * largest(part)):
            for guess in _some_right(rest, part, scene.tensor, where, close):
                return explanation_of(guess)
    return None


def in_a_route(question: Question) -> Explanation | None:
    """Name a mistake in the contribution of one route."""
    scene, close = question.scene, question.close
    for route, rest in question.rests.items():
        part = question.parts[route.target]
        found = question.fits(of_places(scene, route, rest, part), rest) or _inside(
            rest, scene, route, close, several=True
        )
        if found is not None:
            return found
        # A sum over too many axes may still have a shape that broadcasts.
        for guess in chain(of_sums(scene, route), of_a_route(scene, route, part)):
            if close.fits(rest, guess):
                return explanation_of(guess, multiple(rest, guess.value))
    sums = (guess for guess in of_shape(question.total, scene) if guess.kind in SUMS)
    return question.fits(sums)


def in_a_path(question: Question) -> Explanation | None:
    """Name a mistake within a route that has one path only."""
    scene, close = question.scene, question.close
    found = (_inside(rest, scene, route, close, several=False) for route, rest in question.rests.items())
    return next(filter(None, found), None)


def beside(question: Question) -> Explanation | None:
    """Name numbers that stand where the gradient is zero, though the others are wrong too."""
    mine, total = question.mine.expand(question.total.shape), question.total
    unused = total == 0
    there = mine.abs() > RIGHT_32 * largest(mine)
    if int(unused.sum()) * FOURTH < total.numel() or int((there & unused).sum()) * FOURTH < int(there.sum()):
        return None
    sentence = f"numbers stand at places of `{question.scene.tensor}` that the next step does not use, and whose "
    return Explanation(
        "elsewhere", f"{sentence}gradient is 0; those at the places that it uses are wrong too", "beside"
    )


def one_of_each(question: Question) -> Explanation | None:
    """Name a gradient that is zero but for one place of each row, as of a one-hot, where all places are reached."""
    mine, total, lines = question.mine, question.total, question.scene.routes
    if mine.shape != total.shape or len(lines) > 1 or not bool((total != 0).all()):
        return None
    for axis, size in enumerate(total.shape):
        if size > 2 and total.shape != (size,) and bool(((mine != 0).sum(axis) == 1).all()):
            said = f"one place only along axis {axis} holds a number, as of a one-hot, where all of them have a "
            said += f"gradient: see {lines[0].text}"
            return Explanation("unreached", said, said)
    return None


LAST: tuple[Guesser, ...] = (nothing, rearranged, places, in_a_route, in_a_path, beside, one_of_each)


def _inside(rest: Tensor, scene: Scene, route: Route, close: Close, several: bool) -> Explanation | None:
    """Explain a mistake within one route, whose wrong contribution is `rest`.

    several: only where the route has several paths; else only where it has one.
    """
    try:
        with double(), torch.no_grad():
            graph = Graph(scene, route)
            return (
                _of_paths(rest.expand(scene.value.shape), graph, close) if several == (len(graph.terms) > 1) else None
            )
    except Exception:  # a line that cannot be taken apart
        return None


def _of_paths(rest: Tensor, graph: Graph, close: Close) -> Explanation | None:
    some = of_some_paths(rest, graph, close)
    if some is not None or wrong_part(rest, graph, close) is not None:
        return some
    return next((explanation_of(guess) for guess in of_inside(rest, graph, close) if close.fits(rest, guess)), None)


def _is_rearranged(mine: Tensor, total: Tensor) -> bool:
    """Return whether the elements are those of the gradient in another order. Most of them must be different."""
    if mine.shape != total.shape or torch.unique(total).numel() < max(MANY, total.numel() // 2):
        return False
    ordered, truth = mine.flatten().sort().values, total.flatten().sort().values
    return distance(ordered, truth) <= RIGHT_32 * largest(total)


def _some_right(mine: Tensor, total: Tensor, tensor: str, where: str, close: Close) -> Iterator[Guess]:
    """Yield a guess where the elements are right except where either `mine` or `total` is zero."""
    mine = mine.expand(total.shape)
    alive = (total != 0) & (mine != 0)
    if int(alive.sum()) < ENOUGH or not close.same(mine[alive], total[alive]):
        return
    if bool((mine != 0)[total == 0].any()) and bool((mine != 0)[total != 0].all()):
        sentence = (
            f"elements of `{tensor}` that the next step does not use must have gradient 0; the others are right{where}"
        )
        yield Guess("elsewhere", sentence, total)
    elif not bool((mine != 0)[total == 0].any()):
        sentence = f"right where it is not zero, but it is zero at places that it must reach{where}"
        yield Guess("unreached", sentence, total)
