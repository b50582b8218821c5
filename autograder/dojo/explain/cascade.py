"""The cascade of explanations: try the usual mistakes in order of likelihood, and report the first that fits.

A mistake fits where the numbers it would give are those that were found. No sentence is better than a guess, so
where none fits, nothing is reported.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import torch

from .fit import (
    BETTER,
    CLOSE_32,
    CLOSE_64,
    ENOUGH,
    RIGHT_32,
    SUMS,
    Close,
    Guess,
    distance,
    largest,
    multiple,
    serves,
)
from .forward import Route, Scene, Tensor, double, product
from .graph import Graph
from .inside import of_factor, of_inside, wrong_part
from .mistakes import as_it_arrived, of_a_route, of_places, of_shape, of_the_whole, without_upstream
from .sentences import Explanation, explanation_of, factor_between
from .sums import of_nothing, of_sums

NOISE = 0.1  # a gradient whose float32 value is off by more than this share is zero but for rounding
MANY = 8  # with fewer different elements, two tensors may have the same ones by chance
FOURTH = 4  # of the elements, as many must be zero, and of those found as many stand there, for it to be no chance
MUCH = 100  # a value this many times larger than rounding leaves cannot be rounding


def explain(
    found: object, scene: Scene, guessers: Sequence[Guesser] | None = None, exact: float = CLOSE_64
) -> Explanation | None:
    """Explain why `found` is not the gradient of the scene's tensor; None where it is right or no mistake fits.

    guessers: those of FIRST and LAST that are asked, by default all. exact: how close float64 comes. Never raises: a
    forward line that cannot be taken apart gives None.
    """
    try:
        with torch.no_grad():
            question = asked(found, scene, exact)
            return None if question is None else answered(question, (*FIRST, *LAST) if guessers is None else guessers)
    except Exception:  # a forward line that cannot be taken apart: no sentence
        return None


def answered(question: Question, guessers: Sequence[Guesser]) -> Explanation | None:
    """Return what the first of the guessers says that says anything."""
    for guesser in guessers:
        # Another order of adding up leaves another rounding error, and is right.
        if question.is_rounding and guesser not in OF_ROUNDING:
            return None
        explanation = guesser(question)
        if explanation is not None:
            return explanation
    return None


def follows(found: object, scene: Scene) -> bool:
    """Return whether `found` is right for the gradients that arrive in this scene, up to float32 rounding.

    False where that cannot be computed. Never raises.
    """
    try:
        with torch.no_grad():
            total = sum(parts_of(scene).values(), torch.zeros_like(scene.value))
            terms = [part.abs().max() for part in parts_of(scene).values()]
            close = RIGHT_32 * max(float(term) for term in terms) + 1e-8
            return isinstance(found, Tensor) and serves(found, total) and distance(found.detach(), total) <= close
    except Exception:  # as in explain: what cannot be computed is not claimed
        return False


def parts_of(scene: Scene, rounded: bool = False) -> dict[str, Tensor]:
    """Return what each route contributes to the gradient, by the route's target, in float64.

    rounded: compute in the dtypes of the notebook's values instead, which shows how large their rounding is.
    Raises ValueError where a line cannot be differentiated.
    """
    parts = {route.target: product(scene, route, rounded=rounded) for route in scene.routes}
    known = {name: part.to(torch.float64) for name, part in parts.items() if part is not None}
    if len(known) < len(parts):
        raise ValueError("a line that cannot be differentiated")
    return known


def asked(found: object, scene: Scene, exact: float = CLOSE_64) -> Question | None:
    """Return the question; None where `found` is right or nothing can be said of its kind."""
    if not isinstance(found, Tensor) or found.is_complex() or found.layout != torch.strided or not scene.routes:
        return None
    parts = parts_of(scene)
    total = sum(parts.values(), torch.zeros_like(scene.value))
    vanishing = False
    if scene.upstream[scene.routes[0].target].dtype != torch.float64:
        rounded = parts_of(scene, rounded=True)
        noise = sum(rounded.values(), torch.zeros_like(scene.value))
        vanishing = distance(noise, total) > NOISE * largest(total)
        # The true gradient is zero, but the rounding of PyTorch's own order of adding up can still be compared with.
        parts, total = (rounded, noise) if vanishing else (parts, total)
    mine = found.detach().to(torch.float64)
    relative = exact if found.dtype == torch.float64 else CLOSE_32
    same_shape = serves(mine, total)
    if not torch.isfinite(mine).all() or found.dtype not in (torch.float32, torch.float64) or not same_shape:
        return Question(found, mine, scene, parts, total, relative, Close(relative, math.inf), vanishing)
    off = distance(mine, total)
    if off <= min(relative, RIGHT_32) * largest(total):
        return None
    return Question(found, mine, scene, parts, total, relative, Close(relative, off / BETTER), vanishing)


@dataclass(frozen=True)
class Question:
    """A wrong gradient, with all that is known of it. What guessers are asked.

    found: as it is. mine: in float64. parts: what each route contributes, by its target. total: the right gradient.
    relative, close: how close a guess must come. vanishing: the right gradient is zero but for rounding.
    """

    found: Tensor
    mine: Tensor
    scene: Scene
    parts: dict[str, Tensor]
    total: Tensor
    relative: float
    close: Close
    vanishing: bool

    @property
    def is_rounding(self) -> bool:
        """Whether both are zero but for rounding."""
        return self.vanishing and largest(self.mine) <= MUCH * largest(self.total)

    @cached_property
    def rests(self) -> dict[Route, Tensor]:
        """What was found in place of each route's contribution, where all others are right."""
        return {route: self.mine - (self.total - self.parts[route.target]) for route in self.scene.routes}

    def fits(self, guesses: Iterable[Guess], mine: Tensor | None = None) -> Explanation | None:
        """Return the explanation of the first guess that is what was found, or what is given in its place."""
        value = self.mine if mine is None else mine
        return next((explanation_of(guess) for guess in guesses if self.close.fits(value, guess)), None)


def not_finite(question: Question) -> Explanation | None:
    """Name NaN and inf."""
    return None if torch.isfinite(question.mine).all() else _not_finite(question.mine, question.scene)


def of_dtype(question: Question) -> Explanation | None:
    """Name a dtype that cannot hold the gradient."""
    return _of_dtype(question.found, question.mine, question.total, question.scene)


def of_another_shape(question: Question) -> Explanation | None:
    """Name what left the gradient in another shape."""
    if serves(question.mine, question.total):
        return None
    close = Close(question.relative, math.inf)
    return _of_shape(question.mine, question.total, question.scene, question.parts, close)


def zeros(question: Question) -> Explanation | None:
    """Name a gradient that is zero everywhere."""
    if question.mine.any() or question.vanishing:
        return None
    return Explanation("zeros", "this is zero everywhere, and the gradient is not", "zeros")


def whole(question: Question) -> Explanation | None:
    """Name a mistake in the gradient as a whole, and a derivative without what arrives."""
    return question.fits(of_the_whole(question.total, question.parts))


def alone(question: Question) -> Explanation | None:
    """Name a derivative that is not multiplied by what arrives."""
    found = (question.fits(without_upstream(question.scene, route), rest) for route, rest in question.rests.items())
    return next(filter(None, found), None)


def constant(question: Question) -> Explanation | None:
    """Name a constant factor of the gradient as a whole."""
    alive = [name for name, part in question.parts.items() if largest(part) > RIGHT_32 * largest(question.total)]
    where = f" through `{alive[0]}`" if len(alive) == 1 < len(question.parts) else ""
    scene = question.scene
    return factor_between(question.mine, question.total, where, scene, scene.routes, question.close)


def nothing(question: Question) -> Explanation | None:
    """Name why the gradient that was found cancels to zero."""
    with double(), torch.no_grad():
        limit = min(question.relative, RIGHT_32)
        guesses = of_nothing(question.mine, question.total, question.scene, limit)
        return next((explanation_of(guess) for guess in guesses), None)


def plain_in_a_route(question: Question) -> Explanation | None:
    """Name a constant factor of one route, or a gradient that is passed on as it arrived."""
    for route, rest in question.rests.items():
        if len(question.scene.routes) > 1:
            part, where = question.parts[route.target], f" through `{route.target}`"
            by = factor_between(rest, part, where, question.scene, (route,), question.close)
            if by is not None:
                return by
        found = question.fits(as_it_arrived(question.scene, route), rest)
        if found is not None:
            return found
    return None


def wrong_paths(question: Question) -> Explanation | None:
    """Name paths within a route that are missing, twice or have another sign or factor."""
    for route, rest in question.rests.items():
        try:
            with double(), torch.no_grad():
                graph = Graph(question.scene, route)
                if len(graph.terms) > 1:
                    found = _of_some_paths(rest.expand(question.scene.value.shape), graph, question.close)
                    if found is not None:
                        return found
        except Exception:  # a line that cannot be taken apart
            continue
    return None


def rearranged(question: Question) -> Explanation | None:
    """Name numbers that are right, at the wrong places."""
    if not _is_rearranged(question.mine, question.total):
        return None
    sentence = f"the right numbers at the wrong places: they are not in the order of `{question.scene.tensor}`"
    return Explanation("reshape", sentence, "rearranged")


def places(question: Question) -> Explanation | None:
    """Name elements that must be zero, or must not be."""
    guesses = _some_right(question.mine, question.total, question.scene, question.close)
    return next((explanation_of(guess) for guess in guesses), None)


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


Guesser = Callable[[Question], Explanation | None]
# Simple causes, each of which has little that looks like it; then those that many formulas come close to.
FIRST: tuple[Guesser, ...] = (
    not_finite,
    of_dtype,
    of_another_shape,
    zeros,
    whole,
    alone,
    constant,
    nothing,
    plain_in_a_route,
    wrong_paths,
)
LAST: tuple[Guesser, ...] = (rearranged, places, in_a_route, in_a_path, beside)
OF_ROUNDING = FIRST[:7]


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
    some = _of_some_paths(rest, graph, close)
    if some is not None or wrong_part(rest, graph, close) is not None:
        return some
    return next((explanation_of(guess) for guess in of_inside(rest, graph, close) if close.fits(rest, guess)), None)


def _of_some_paths(rest: Tensor, graph: Graph, close: Close) -> Explanation | None:
    wrong = wrong_part(rest, graph, close)
    if wrong is None:
        return None
    part, ratio = wrong
    guess = of_factor(part, ratio, close)
    if guess is not None:
        return explanation_of(guess)
    others = sum((term.value for term in graph.terms if term not in part.terms), torch.zeros_like(rest))
    # Rounding errors are relative to the sum of all paths, which may be larger than this part.
    coarse = Close(close.relative * max(1.0, largest(rest) / largest(ratio * part.value)), close.most)
    return factor_between(rest - others, part.value, part.where, graph.scene, (graph.route,), coarse, part.lines)


def _not_finite(mine: Tensor, scene: Scene) -> Explanation:
    for route in scene.routes:
        if not torch.isfinite(scene.arriving(route)).all():
            sentence = f"it holds NaN or inf, which came in with d{route.target}: mend that first"
            return Explanation("nonfinite", sentence, "nonfinite")
    first = (~torch.isfinite(mine)).nonzero()[0].tolist()
    vague = "it holds NaN or inf: look for a division by zero or the log of zero"
    there = f"it holds NaN or inf, first at {first}: look for a division by zero or the log of zero"
    return Explanation("nonfinite", there, f"nonfinite {first}", (Explanation("nonfinite", vague, "nonfinite"),))


def _of_dtype(found: Tensor, mine: Tensor, total: Tensor, scene: Scene) -> Explanation | None:
    name = str(found.dtype).removeprefix("torch.")
    if not serves(mine, total) or found.dtype in (torch.float32, torch.float64):
        return None
    if not found.is_floating_point():
        rounded = (total.trunc(), total.floor(), total.round())
        if any(distance(mine, r) == 0 for r in rounded) and not bool((total == total.round()).all()):
            return Explanation("dtype", f"{name} holds whole numbers only: make it a float tensor", "dtype")
    elif distance(mine, total) <= 0.02 * largest(total):
        return Explanation("dtype", f"right, but rounded to {name}: keep the dtype of `{scene.tensor}`", "dtype")
    return None


def _of_shape(mine: Tensor, total: Tensor, scene: Scene, parts: dict[str, Tensor], close: Close) -> Explanation | None:
    head = f"expected shape {tuple(total.shape)}, found {tuple(mine.shape)}"

    def in_shape(guess: Guess) -> Explanation:
        return Explanation(guess.kind, f"{head}: {guess.sentence}", explanation_of(guess).key)

    sums = []
    for route in scene.routes:
        try:
            rest = mine - (total - parts[route.target])
        except RuntimeError:
            rest = mine
        sums += [(guess, rest if rest.shape == mine.shape else mine) for guess in of_sums(scene, route)]
    for guess, rest in [*sums, *((guess, mine) for guess in of_shape(total, scene))]:
        same = guess.value.shape == mine.shape or (guess.kind == "reshape" and guess.value.numel() == mine.numel())
        if same and close.fits(rest.reshape(guess.value.shape), guess):
            return in_shape(guess)
    # No guess has these numbers (a second mistake, or all nearly zero), but the shape alone shows the missing sum.
    return next((in_shape(guess) for guess, _ in sums if guess.value.shape == mine.shape), None)


def _is_rearranged(mine: Tensor, total: Tensor) -> bool:
    """Return whether the elements are those of the gradient in another order. Most of them must be different."""
    if mine.shape != total.shape or torch.unique(total).numel() < max(MANY, total.numel() // 2):
        return False
    ordered, truth = mine.flatten().sort().values, total.flatten().sort().values
    return distance(ordered, truth) <= RIGHT_32 * largest(total)


def _some_right(mine: Tensor, total: Tensor, scene: Scene, close: Close) -> Iterator[Guess]:
    """Yield a guess where the elements are right except where either `mine` or `total` is zero."""
    mine = mine.expand(total.shape)
    alive = (total != 0) & (mine != 0)
    if int(alive.sum()) < ENOUGH or not close.same(mine[alive], total[alive]):
        return
    if bool((mine != 0)[total == 0].any()) and bool((mine != 0)[total != 0].all()):
        sentence = (
            f"elements of `{scene.tensor}` that the next step does not use must have gradient 0; the others are right"
        )
        yield Guess("elsewhere", sentence, total)
    elif not bool((mine != 0)[total == 0].any()):
        yield Guess("unreached", "right where it is not zero, but it is zero at places that it must reach", total)
