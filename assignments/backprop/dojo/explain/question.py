"""A wrong gradient, with all that is known of it: what the guessers of causes are asked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

import torch

from .fit import BETTER, CLOSE_32, CLOSE_64, RIGHT_32, Close, Guess, distance, is_far_larger, largest, serves
from .forward import Route, Scene, Tensor, product
from .sentences import Explanation, explanation_of

NOISE = 0.1  # a gradient whose float32 value is off by more than this share is zero but for rounding
MUCH = 100  # a value this many times larger than rounding leaves cannot be rounding


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


Guesser = Callable[[Question], Explanation | None]


def asked(found: object, scene: Scene, exact: float = CLOSE_64) -> Question | None:
    """Return the question; None where `found` is right or nothing can be said of its kind."""
    if not isinstance(found, Tensor) or found.is_complex() or found.layout != torch.strided or not scene.routes:
        return None
    if is_far_larger(found, scene.value, scene.upstream.values()):
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
