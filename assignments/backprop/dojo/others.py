"""Another tensor where one belongs: in a forward line, in the place of a gradient, at other places."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from .guesses import Guess
from .steps import Route, Scene, Tensor, in_float64, product


def of_others(scene: Scene, route: Route, part: Tensor) -> Iterator[Guess]:
    """Mistakes in one path. part: the right gradient of this path; the values stand in its place."""
    line, target = route.text, route.target
    arriving = scene.arriving(route)
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
        yield Guess("transpose", f"the gradient through `{target}` is transposed", part.T)
    for axis, size in enumerate(part.shape):
        if size > 1:
            sentence = f"a sum too many in the gradient through `{target}`: it is not the same along axis {axis}"
            yield Guess("wrong-axis", sentence, part.sum(axis, keepdim=True).expand(part.shape))

    for name, gradient in scene.upstream.items():
        wide = _broadcast(in_float64(gradient), arriving)
        if wide is not None and name != scene.tensor:
            found = product(scene, route, arriving=wide)
            if found is not None:
                yield Guess("other-upstream", f"this is made from d{name}; {line} needs d{target}", found)


def _broadcast(gradient: Tensor, arriving: Tensor) -> Tensor | None:
    """A smaller gradient in the shape of the one that arrives; None where it is none."""
    if not 1 < gradient.numel() < arriving.numel():
        return None
    try:
        return gradient.expand(arriving.shape)
    except RuntimeError:
        return None


def of_places(scene: Scene, route: Route, mine: Tensor, part: Tensor) -> Iterator[Guess]:
    """What arrives put at other places than those that the line picks. mine: in the place of this path's gradient."""
    try:
        arriving = scene.arriving(route).expand(part.shape)
    except RuntimeError:
        return
    picked, there = part != 0, mine.abs() > 1e-6 * mine.abs().max()
    if not bool(picked.all()) and torch.allclose(part, arriving * picked) and bool((there & ~picked).any()):
        sentence = f"d{route.target} stands at places that {route.text} does not pick; there it must be 0"
        yield Guess("elsewhere", sentence, arriving * there)


def _is_floating(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.numel() > 1
