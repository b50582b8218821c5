"""Guessers of simple causes, each of which has little that looks like it."""

from __future__ import annotations

import ast
import math
from dataclasses import replace
from itertools import chain

import torch

from .fit import RIGHT_32, Close, Guess, distance, largest, serves
from .forward import Scene, Tensor, double
from .graph import Graph
from .inside import of_factor, wrong_part
from .mistakes import as_it_arrived, of_shape, of_the_whole, shared_out, without_upstream
from .question import Guesser, Question
from .sentences import Explanation, explanation_of, factor_between
from .sums import of_sums

MANY = 4  # a smaller tensor may be equal to another one by chance; `make bench-explain` shows what it names wrongly


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
    named = {question.scene.through(route): question.parts[route.target] for route in question.scene.routes}
    return question.fits(of_the_whole(question.total, named))


def alone(question: Question) -> Explanation | None:
    """Name a derivative that is not multiplied by what arrives."""
    found = (question.fits(without_upstream(question.scene, route), rest) for route, rest in question.rests.items())
    return next(filter(None, found), None)


def value(question: Question) -> Explanation | None:
    """Name a value of the forward pass that was taken for its gradient."""
    if not isinstance(question.mine, Tensor) or question.mine.numel() < MANY:
        return None
    scene, mine = question.scene, question.mine
    if all(bool((scene.arriving(route) == 1).all()) for route in scene.routes):
        return None  # from the loss nothing arrives that could be missing
    for name in dict.fromkeys((scene.tensor, *(route.target for route in scene.routes), *sorted(scene.names))):
        held = scene.names.get(name)
        if name.startswith("d") and name[1:] in scene.names:
            continue  # a gradient
        if not isinstance(held, Tensor) or not held.is_floating_point() or held.shape != mine.shape:
            continue
        if question.close.same(mine, held.detach().double()) and float(mine.max()) > float(mine.min()):
            arriving = " and ".join(f"d{route.target}" for route in scene.routes)
            sentence = f"this is the value `{name}`, no gradient: {arriving}, the gradient that arrives, is not in it"
            return Explanation("upstream", sentence, sentence)
    return None


def of_a_later_tensor(question: Question) -> Explanation | None:
    """Name a gradient that is right for a tensor that comes later: the way from there is missing."""
    scene, mine = question.scene, question.mine
    for route, rest in question.rests.items():
        right = scene.steps.get(route.target)
        if right is None or right.shape != mine.shape or mine.numel() < MANY:
            continue
        if question.close.same(rest, right.double()):
            sentence = f"this is the gradient of `{route.target}`: the derivative of {route.text} is missing"
            return Explanation("local", sentence, sentence)
    return None


def constant(question: Question) -> Explanation | None:
    """Name a constant factor of the gradient as a whole."""
    scene, parts = question.scene, question.parts
    alive = [r for r in scene.routes if largest(parts[r.target]) > RIGHT_32 * largest(question.total)]
    where = f" through `{scene.through(alive[0])}`" if len(alive) == 1 < len(parts) else ""
    return factor_between(question.mine, question.total, where, scene, scene.routes, question.close)


def plain_in_a_route(question: Question) -> Explanation | None:
    """Name a constant factor of one route, or a gradient that is passed on as it arrived."""
    for route, rest in question.rests.items():
        if len(question.scene.routes) > 1:
            part, where = question.parts[route.target], f" through `{question.scene.through(route)}`"
            by = factor_between(rest, part, where, question.scene, (route,), question.close)
            if by is not None:
                return by
        where = f"the gradient through `{question.scene.through(route)}`"
        picked = shared_out(question.parts[route.target], where, route.text)
        found = question.fits(chain(picked, as_it_arrived(question.scene, route)), rest)
        if found is not None:
            return found
    return None


def of_another_tensor(question: Question) -> Explanation | None:
    """Name the gradient of another tensor, which was taken over as it is."""
    scene, mine = question.scene, question.mine
    for name, gradient in scene.upstream.items():
        if name == scene.tensor or gradient.shape != mine.shape or mine.numel() < MANY:
            continue
        if question.close.same(mine, gradient.detach().double()):
            arriving = " and ".join(f"`d{route.target}`" for route in scene.routes)
            sentence = f"this is `d{name}`, the gradient of another tensor: `d{scene.tensor}` is made from {arriving}"
            return Explanation("other-upstream", sentence, sentence)
    return None


def wrong_paths(question: Question) -> Explanation | None:
    """Name paths within a route that are missing, twice or have another sign or factor."""
    for route, rest in question.rests.items():
        try:
            with double(), torch.no_grad():
                graph = Graph(question.scene, route)
                if len(graph.terms) > 1:
                    found = of_some_paths(rest.expand(question.scene.value.shape), graph, question.close)
                    if found is not None:  # by what factor says less than what has to change in the code
                        found = replace(found, vague=found.vague or found.kind == "factor")
                        return (found.kind == "path-missing" and not_picked(question)) or found
        except Exception:  # a line that cannot be taken apart
            continue
    return None


def not_picked(question: Question) -> Explanation | None:
    """Name what is missing where an index picks one place in each row: the one-hot of a cross-entropy."""
    rest, total = question.total - question.mine, question.total
    for line in (line for route in question.scene.routes for line in route.lines):
        for node in ast.walk(ast.parse(line.source)):
            match node:
                case ast.Subscript(_, ast.Tuple([_, ast.Name(name)])):
                    pass
                case ast.Call(ast.Attribute(_, "cross_entropy" | "nll_loss"), [_, ast.Name(name)]):
                    pass
                case _:
                    continue
            labels = question.scene.names.get(name)
            if total.dim() != 2 or not isinstance(labels, Tensor) or labels.shape != total.shape[:1]:
                continue
            picked = torch.zeros_like(total, dtype=torch.bool).scatter_(1, labels.long()[:, None], True)
            if largest(rest.masked_fill(picked, 0)) <= RIGHT_32 * largest(total) and bool(rest[picked].all()):
                said = f"right but for the places that `{ast.unparse(node)}` picks: the term of these, a one-hot of "
                said += f"`{name}`, is missing"
                return Explanation("path-missing", said, said)
    return None


FIRST: tuple[Guesser, ...] = (
    not_finite,
    of_dtype,
    of_another_shape,
    zeros,
    whole,
    alone,
    value,
    of_a_later_tensor,
    constant,
    plain_in_a_route,
    of_another_tensor,
    wrong_paths,
)
OF_ROUNDING = FIRST[:9]


def of_some_paths(rest: Tensor, graph: Graph, close: Close) -> Explanation | None:
    """Name the paths of a route, whose wrong contribution is `rest`, that are missing or have another factor."""
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
