"""Why a gradient is wrong: at most one short sentence, and none rather than a guess.

This file lies beside the notebook. It compares what was found with what each usual mistake would have given.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING or __package__:
    from .dojo_factors import Known, known_factors
    from .dojo_fit import BETTER, CLOSE_32, CLOSE_64, ENOUGH, RIGHT_32, SUMS, Close, distance, largest, multiple, serves
    from .dojo_guesses import Guess, of_a_route, of_shape, of_sums, of_the_whole, without_upstream
    from .dojo_steps import Route, Scene, Tensor, product
else:
    from dojo_factors import Known, known_factors
    from dojo_fit import BETTER, CLOSE_32, CLOSE_64, ENOUGH, RIGHT_32, SUMS, Close, distance, largest, multiple, serves
    from dojo_guesses import Guess, of_a_route, of_shape, of_sums, of_the_whole, without_upstream
    from dojo_steps import Route, Scene, Tensor, product


@dataclass(frozen=True)
class Explanation:
    """kind: of mistake, one word. sentence: for the student. key: the same mistake has the same at all sizes.

    also: what else it may be called, where numbers coincide (a size that is 2), the vaguest last.
    """

    kind: str
    sentence: str
    key: str
    also: tuple[Explanation, ...] = ()


def explain(found: object, scene: Scene) -> Explanation | None:
    """Say what is wrong with `found` as the gradient of the scene's tensor; None where it is right or unclear.

    Never raises.
    """
    try:
        with torch.no_grad():
            return _explain(found, scene)
    except Exception:  # a forward line that cannot be taken apart: no sentence
        return None


def follows(found: object, scene: Scene) -> bool:
    """Whether `found` is right for the gradients that arrive in this scene, up to the rounding of float32."""
    try:
        with torch.no_grad():
            total = sum(parts_of(scene).values(), torch.zeros_like(scene.value))
            terms = [part.abs().max() for part in parts_of(scene).values()]
            close = RIGHT_32 * max(float(term) for term in terms) + 1e-8
            return isinstance(found, Tensor) and serves(found, total) and distance(found.detach(), total) <= close
    except Exception:  # as in explain: what cannot be computed is not claimed
        return False


def parts_of(scene: Scene) -> dict[str, Tensor]:
    """What each route sends back, by its target. Raises ValueError where one cannot be computed."""
    parts = {route.target: product(scene, route) for route in scene.routes}
    known = {name: part for name, part in parts.items() if part is not None}
    if len(known) < len(parts):
        raise ValueError("a line that cannot be differentiated")
    return known


def _explain(found: object, scene: Scene) -> Explanation | None:
    if not isinstance(found, Tensor) or found.is_complex() or found.layout != torch.strided or not scene.routes:
        return None
    parts = parts_of(scene)
    total = sum(parts.values(), torch.zeros_like(scene.value))
    mine = found.detach().to(torch.float64)
    relative = CLOSE_64 if found.dtype == torch.float64 else CLOSE_32
    if not torch.isfinite(mine).all():
        return _not_finite(mine, scene)
    rough = _of_dtype(found, mine, total, scene)
    if rough is not None:
        return rough
    if not serves(mine, total):
        return _of_shape(mine, total, scene, parts, Close(relative, math.inf))
    off = distance(mine, total)
    if off <= min(relative, RIGHT_32) * largest(total):
        return None
    if not mine.any():
        return Explanation("zeros", "this is zero everywhere, and the gradient is not", "zeros")
    close = Close(relative, off / BETTER)
    for guess in of_the_whole(total, parts):
        if close.fits(mine, guess):
            return _said(guess)
    rests = {route: mine - (total - parts[route.target]) for route in scene.routes}
    for route, rest in rests.items():
        for guess in without_upstream(scene, route):
            if close.fits(rest, guess):
                return _said(guess)
    factor = _factor(mine, total, "", scene, scene.routes, close)
    if factor is not None:
        return factor
    for guess in _some_right(mine, total, scene, close):
        return _said(guess)
    for route, rest in rests.items():
        part = parts[route.target]
        if len(scene.routes) > 1:
            factor = _factor(rest, part, f" through `{route.target}`", scene, (route,), close)
            if factor is not None:
                return factor
        # A sum over too much may still have a shape that can be broadcast.
        for guess in chain(of_a_route(scene, route, part), of_sums(scene, route)):
            if close.fits(rest, guess):
                return _said(guess, multiple(rest, guess.value))
    return next(
        (_said(guess) for guess in of_shape(total, scene) if guess.kind in SUMS and close.fits(mine, guess)), None
    )


def _said(guess: Guess, ratio: float = 1.0) -> Explanation:
    key = _no_digits(guess.sentence)
    if "{}" not in guess.sentence:
        return Explanation(guess.kind, guess.sentence, key)
    # A factor of one's own is named where it is a simple number; else, and where cases differ in it, it is some c.
    simple = abs(ratio) <= 100 and math.isclose(ratio * 60, round(ratio * 60), rel_tol=1e-4)
    named = "" if math.isclose(ratio, 1, rel_tol=1e-4) else f"{ratio:.3g}*" if simple else "c*"
    some = Explanation(guess.kind, guess.sentence.format("c*"), key)
    return Explanation(guess.kind, guess.sentence.format(named).replace("*1`", "`"), f"{named} {key}", (some,))


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

    def said(guess: Guess) -> Explanation:
        return Explanation(guess.kind, f"{head}: {guess.sentence}", _said(guess).key)

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
            return said(guess)
    # The numbers are something else too, or all nearly zero; what the shape alone says is certain.
    return next((said(guess) for guess, _ in sums if guess.value.shape == mine.shape), None)


def _some_right(mine: Tensor, total: Tensor, scene: Scene, close: Close) -> Iterator[Guess]:
    """Right where it is not zero, or where the gradient is not."""
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


# A constant factor ---------------------------------------------------------------------------------------------------


def _factor(
    mine: Tensor, part: Tensor, where: str, scene: Scene, routes: tuple[Route, ...], close: Close
) -> Explanation | None:
    if int((part != 0).sum()) < ENOUGH or not torch.isfinite(part).all():
        return None
    ratio = multiple(mine, part)
    if abs(ratio) < 1e-12 or abs(ratio - 1) < 1e-12 or not close.same(mine, part * ratio):
        return None
    if math.isclose(ratio, -1, rel_tol=close.relative):
        return Explanation("sign", f"the gradient{where} has the wrong sign", f"sign{where}")
    sign = "the sign is wrong, and " if ratio < 0 else ""
    tolerance = max(1e-9, close.relative / 2)
    found = [
        known for known in known_factors(scene, routes) if math.isclose(abs(ratio), known.value, rel_tol=tolerance)
    ]
    found += [Known(0, f"{abs(ratio):.6g}", f"right up to a constant factor, {abs(ratio):.6g}")]
    found += [Known(0, "some", "right up to a constant factor")]
    first, *others = (
        Explanation("factor", f"{sign}the gradient{where} is {known.sentence}", f"{sign}{where}{known.symbol}")
        for known in found
    )
    return replace(first, also=tuple(others))


def _no_digits(text: str) -> str:
    return "".join(c for c in text if not c.isdigit())
