"""Mistakes that are usual in a backward step, each as a Guess: a sentence and the gradient that it would give.

Guesses are made from the forward lines alone. Whether one fits what was found is decided elsewhere (fit.py), so a
guess that is never true costs time but does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations, permutations

import torch

from .fit import Guess
from .forward import Route, Scene, Tensor, in_float64, product
from .slopes import input_names, of_slopes, summed_to
from .variants import without_epsilon, written_once

MAX_PATHS = 6  # with more routes, leaving out every set of them would be more than 62 guesses


def of_the_whole(total: Tensor, parts: dict[str, Tensor]) -> Iterator[Guess]:
    """Yield mistakes that change the gradient as a whole: signs, missing routes, a transpose.

    parts: the contribution of each route, by the name that sentences have for it; their sum is `total`.
    """
    for name, part in parts.items() if len(parts) > 1 else ():
        yield Guess("sign", f"the gradient through `{name}` has the wrong sign", total - 2 * part)
    yield Guess("sign", "the sign is wrong", -total)
    alive = {name: part for name, part in parts.items() if part.any()}
    if 2 <= len(alive) <= MAX_PATHS:
        for size in range(1, len(alive)):
            for left_out in combinations(alive, size):
                some = sum((part for name, part in alive.items() if name not in left_out), torch.zeros_like(total))
                missing = " and ".join(f"`{name}`" for name in left_out)
                yield Guess("path-missing", f"the gradient through {missing} is missing", some)
    if len(alive) >= 2:
        for name, part in alive.items():
            yield Guess("path-twice", f"the gradient through `{name}` is counted twice", total + part)
        for name, other in permutations(alive, 2):
            said = f"the gradient through `{name}` is counted twice, and the one through `{other}` is missing"
            yield Guess("path-missing", said, total + alive[name] - alive[other])
    if total.dim() == 2 and total.shape[0] == total.shape[1]:
        yield Guess("transpose", "this is the transpose of the gradient", total.T)


def of_shape(total: Tensor, scene: Scene) -> Iterator[Guess]:
    """Yield mistakes that leave the gradient in another shape than the tensor's."""
    name, shape = scene.tensor, tuple(total.shape)
    for axis, size in enumerate(shape):
        if size == 1:
            yield Guess(
                "keepdim", "the numbers are right; keep the summed axis, with keepdim=True", total.squeeze(axis)
            )
    if total.dim() >= 2:
        backwards = total.permute(*reversed(range(total.dim())))
        yield Guess("transpose", "this is the transpose of the gradient", backwards)
    for axis in range(total.dim()):
        if shape[axis] > 1:
            sentence = f"a sum too many: `{name}` has its own gradient at every place of axis {axis}"
            for keep in (True, False):
                yield Guess("wrong-axis", sentence, total.sum(axis, keepdim=keep), any_factor=True)
    yield Guess("reshape", f"the numbers are right: give them the shape of `{name}`", total.reshape(-1))
    for route in scene.routes:
        arriving = scene.arriving(route)
        sentence = f"this is d{route.target} as it arrived: {route.text} has still to be undone"
        yield Guess("local", sentence, arriving, any_factor=True)


def without_upstream(scene: Scene, route: Route) -> Iterator[Guess]:
    """Yield the derivative of the route's line alone, not multiplied by the gradient that arrives."""
    arriving, target, line = scene.arriving(route), route.target, route.text
    if arriving.numel() > 1 and not torch.equal(arriving, torch.ones_like(arriving)):
        alone = product(scene, route, arriving=torch.ones_like(arriving))
        if alone is not None:
            sentence = f"d{target} is missing: this is the derivative of {line} alone, not times what arrives"
            yield Guess("upstream", sentence, alone)
            if bool((alone == alone.flatten()[0]).all()):
                yield Guess("upstream", f"d{target} is missing: this is 1 everywhere", torch.ones_like(alone))


def as_it_arrived(scene: Scene, route: Route) -> Iterator[Guess]:
    """Yield the gradient that arrives, unchanged: the derivative of the line is missing."""
    unchanged = summed_to(scene.arriving(route), scene.value.shape)
    if unchanged is not None and route.target != scene.tensor:
        sentence = f"the derivative of {route.text} is missing: this is d{route.target} as it arrived"
        yield Guess("local", sentence, unchanged)


def of_places(scene: Scene, route: Route, mine: Tensor, part: Tensor) -> Iterator[Guess]:
    """Yield the gradient that arrives, at elements that the line does not pick.

    mine: what was found in place of the route's contribution. part: the right contribution.
    """
    try:
        arriving = scene.arriving(route).expand(part.shape)
    except RuntimeError:
        return
    picked, there = part != 0, mine.abs() > 1e-6 * mine.abs().max()
    if not bool(picked.all()) and torch.allclose(part, arriving * picked) and bool((there & ~picked).any()):
        sentence = f"d{route.target} stands at places that {route.text} does not pick; there it must be 0"
        yield Guess("elsewhere", sentence, arriving * there)


def shared_out(right: Tensor, what: str, line: str) -> Iterator[Guess]:
    """Yield the gradient that belongs to one place along an axis at all of them, whole or shared out evenly.

    right: the gradient as it should be. what: how a sentence calls it. line: the same, for the one that picks a place.
    """
    for axis, size in enumerate(right.shape):
        if size > 1 and bool(((right != 0).sum(axis) <= 1).all()):
            whole = right.sum(axis, keepdim=True).expand(right.shape)
            one = f"it belongs only to the one that {line} picks"
            said = f"{what} is shared out evenly among all places of axis {axis}, as of a mean: {one}"
            yield Guess("elsewhere", said, whole / size)
            yield Guess("elsewhere", f"{what} stands at all places of axis {axis}: {one}", whole)


def of_a_route(scene: Scene, route: Route, part: Tensor) -> Iterator[Guess]:
    """Yield mistakes in one route, each value in place of its contribution. part: the right contribution."""
    line, target = route.text, route.target
    arriving = scene.arriving(route)
    where = f" through `{scene.through(route)}`" if len(scene.routes) > 1 else ""
    if where:
        yield Guess("sign", f"the gradient{where} has the wrong sign", -part)
    if (plain := without_epsilon(route)) is not None and (other := product(scene, route, sources=plain)) is not None:
        yield Guess("epsilon", f"the small constant of {line} is missing in its derivative", other)
    for name, once in written_once(scene, route):
        sentence = f"`{name}` is picked several times at one place: `+=` at an index adds only one of them"
        yield Guess("overwritten", sentence, once)
    yield from _of_other_gradients(scene, route, _same_shape(scene, route))
    yield from of_slopes(scene, route, part)
    if arriving.dim() == 2 and arriving.shape[0] == arriving.shape[1]:
        other = product(scene, route, arriving=arriving.T)
        if other is not None:
            yield Guess("transpose", f"d{target} is transposed the wrong way in the derivative of {line}", other)
    if bool(arriving.all()) and (other := product(scene, route, arriving=1 / arriving)) is not None:
        yield Guess("function", f"this divides by d{target}, which belongs above", other)
    for name in input_names(scene, route):
        value = in_float64(scene.names[name])
        if value.dim() == 2 and value.shape[0] == value.shape[1] and name != scene.tensor:
            other = product(scene, route, at={name: value.T})
            if other is not None:
                yield Guess("transpose", f"`{name}` is transposed the wrong way in the derivative of {line}", other)
    yield from _of_other_tensors(scene, route, part, arriving)
    yield from _of_other_gradients(scene, route, _smaller(scene, route))


def _of_other_gradients(scene: Scene, route: Route, gradients: Iterable[tuple[str, Tensor]]) -> Iterator[Guess]:
    """Yield guesses that one of these gradients, given as (names, value), was used in place of the arriving one."""
    for names, gradient in gradients:
        other = product(scene, route, arriving=gradient)
        if other is not None:
            sentence = f"this is made from {names}; {route.text} needs d{route.target}"
            yield Guess("other-upstream", sentence, other)


def _same_shape(scene: Scene, route: Route) -> Iterator[tuple[str, Tensor]]:
    """Yield the other gradients of the arriving one's shape, as (names, value); equal ones come as one."""
    arriving = scene.arriving(route)
    found: list[tuple[str, Tensor]] = []
    for name, gradient in scene.upstream.items():
        if name in (route.target, scene.tensor) or gradient.shape != arriving.shape or gradient.equal(arriving):
            continue
        mine = in_float64(gradient)
        same = [index for index, (_, other) in enumerate(found) if torch.allclose(mine, other, rtol=1e-5, atol=1e-9)]
        if same:
            found[same[0]] = (f"{found[same[0]][0]} or d{name}", found[same[0]][1])
        else:
            found.append((f"d{name}", mine))
    yield from found


def _smaller(scene: Scene, route: Route) -> Iterator[tuple[str, Tensor]]:
    """Yield the other gradients that broadcast to the arriving one's shape, as (name, value)."""
    arriving = scene.arriving(route)
    for name, gradient in scene.upstream.items():
        if name not in (route.target, scene.tensor) and 1 < gradient.numel() < arriving.numel():
            try:
                wide = in_float64(gradient).expand(arriving.shape)
            except RuntimeError:
                continue
            yield f"d{name}", wide


def _of_other_tensors(scene: Scene, route: Route, part: Tensor, arriving: Tensor) -> Iterator[Guess]:
    """Yield guesses that another tensor stands in the forward line, or in place of the gradient that arrives."""
    line, target = route.text, route.target
    values = {name: in_float64(value) for name, value in scene.names.items() if _is_floating(value)}
    for name in sorted(frozenset().union(*(line.uses for line in route.lines)) & set(values) - {scene.tensor}):
        for other, value in values.items():
            if other != name and value.shape == values[name].shape:
                found = product(scene, route, at={name: value})
                if found is not None:
                    yield Guess(
                        "function", f"`{other}` stands where `{name}` belongs in the derivative of {line}", found
                    )
    names = sorted(values, key=lambda name: name != target)
    for name in names if arriving.numel() > 1 else ():
        if values[name].shape == arriving.shape:
            found = product(scene, route, arriving=values[name])
            if found is not None:
                yield Guess("upstream", f"d{target} is missing: `{name}` itself stands in its place", found)
    if part.dim() == 2 and part.shape[0] == part.shape[1]:
        yield Guess("transpose", f"the gradient through `{scene.through(route)}` is transposed", part.T)
    for axis, size in enumerate(part.shape):
        if size > 1:
            sentence = (
                f"a sum too many in the gradient through `{scene.through(route)}`: it is not the same along axis {axis}"
            )
            yield Guess("wrong-axis", sentence, part.sum(axis, keepdim=True).expand(part.shape))


def _is_floating(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.numel() > 1
