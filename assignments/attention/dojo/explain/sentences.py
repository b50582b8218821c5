"""The sentences: turn a guess that fits, or a constant factor, into what the student is told."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from .factors import Known, known_factors
from .fit import ENOUGH, ROUNDING, Close, Guess, multiple
from .forward import Line, Route, Scene, Tensor


@dataclass(frozen=True)
class Explanation:
    """The cause of a wrong gradient.

    kind: of mistake, in one word. sentence: for the student. key: the same for the same mistake in cases of any size,
    so that several cases can be held against each other. also: what else the mistake may be, where numbers coincide (a
    size that is 2, say), the vaguest last. vague: it says by how much the numbers differ; a mistake in the code is the
    better reason.
    """

    kind: str
    sentence: str
    key: str
    also: tuple[Explanation, ...] = ()
    vague: bool = False


def explanation_of(guess: Guess, ratio: float = 1.0) -> Explanation:
    """Return the explanation for a guess that fits. ratio: the factor that stands for "{}" in its sentence."""
    key = _no_digits(guess.sentence)
    if "{}" not in guess.sentence:
        return Explanation(guess.kind, guess.sentence, key)
    # A factor is named where it is a multiple of 1/60. Otherwise, or where cases differ in it, it is called a constant.
    simple = abs(ratio) <= 100 and math.isclose(ratio * 60, round(ratio * 60), rel_tol=1e-4)
    some = Explanation(guess.kind, guess.sentence.format("") + "; a constant factor is wrong too", key)
    if math.isclose(ratio, 1, rel_tol=1e-4):
        return Explanation(guess.kind, guess.sentence.format(""), f" {key}", (some,))
    if not simple:
        return some
    named = f"{ratio:.3g}*"
    return Explanation(guess.kind, guess.sentence.format(named).replace("*1`", "`"), f"{named} {key}", (some,))


def factor_between(
    mine: Tensor,
    part: Tensor,
    where: str,
    scene: Scene,
    routes: tuple[Route, ...],
    close: Close,
    lines: tuple[Line, ...] | None = None,
) -> Explanation | None:
    """Return the explanation where `mine` is `part` times a constant other than 1; else None.

    where: words that follow "the gradient". lines: those that the part comes through, by default each route's last.
    """
    if int((part != 0).sum()) < ENOUGH or not torch.isfinite(part).all():
        return None
    ratio = multiple(mine, part)
    if abs(ratio) < 1e-12 or abs(ratio - 1) < ROUNDING or not close.same(mine, part * ratio):
        return None
    if math.isclose(ratio, -1, rel_tol=close.relative):
        return Explanation("sign", f"the gradient{where} has the wrong sign", f"sign{where}")
    # A single number that arrives at random, and is left out, may have any sign.
    sure = all(scene.arriving(route).numel() > 1 or bool((scene.arriving(route) == 1).all()) for route in routes)
    sign = "the sign is wrong, and " if ratio < 0 and sure else ""
    tolerance = max(1e-9, close.relative / 2)
    lines = tuple(route.lines[-1] for route in routes) if lines is None else lines
    found = [
        known
        for known in known_factors(scene, routes, lines)
        if math.isclose(abs(ratio), known.value, rel_tol=tolerance)
    ]
    found += [Known(0, f"{abs(ratio):.6g}", f"right up to a constant factor, {abs(ratio):.6g}", likely=False)]
    found += [Known(0, "some", "right up to a constant factor", likely=False)]
    first, *others = (
        Explanation(
            "factor",
            f"{sign}the gradient{where} is {known.sentence}",
            f"{sign}{where}{known.symbol}",
            vague=not known.likely,
        )
        for known in found
    )
    return replace(first, also=tuple(others))


def _no_digits(text: str) -> str:
    return "".join(c for c in text if not c.isdigit())
