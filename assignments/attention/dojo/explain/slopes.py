"""Wrong slopes: a function, a power or another factor that was taken for the derivative of a line.

As in mistakes.py, each guess holds the gradient that the mistake would give.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from .fit import Guess
from .forward import Route, Scene, Tensor, in_float64, product, sum_to, unsummed
from .variants import neighbours

# Powers, slopes and functions that are written for a derivative; y is the target, x the tensor.
POWERS = (0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1.5, -1.5)
SLOPES = ("1 - {y}", "1 - {x}**2", "1 + {y}**2", "1 - 2*{y}", "{y} - {y}**2", "{x} - {x}**2", "1 - {y}**2", "1 + {y}")
OF_ANY: tuple[str, ...] = ("{x}", "1 - {x}", "1 - {x}**2", "{x} - {x}**2", "{x}**2", "1/{x}", "(1 - {x})**2")
OF_ANY += ("{x}.exp()", "{x}.log()", "1 - {x}.tanh()**2")
NOT = "which is not the derivative of"


def of_slopes(scene: Scene, route: Route, part: Tensor) -> Iterator[Guess]:
    """Yield guesses that a wrong function, power or slope was used as the derivative of the route's line.

    part: the right contribution of the route; the values stand in its place.
    """
    line, arriving = route.text, scene.arriving(route)
    for now, then, sources in neighbours(route):
        other = product(scene, route, sources=sources)
        if other is not None:
            yield Guess("function", f"this is the derivative with `{then}` where {line} has `{now}`", other)
    x, y = scene.tensor, route.target
    out = in_float64(scene.names[y])
    for power in POWERS:
        for name in ((y,) if out.numel() > 1 else ()) + tuple(input_names(scene, route)) if power else (x,):
            by = "1" if power == 0 else name if power == 1 else f"{name}**{power}"
            # Summing over the broadcast axes lets either factor of a product be tried for the other.
            guess = summed_to(_times(arriving, _number(scene, name) ** power), part.shape)
            if guess is not None:
                yield Guess(
                    "function", f"what arrives is multiplied by `{{}}{by}`, {NOT} {line}", guess, any_factor=True
                )
    if out.shape == scene.value.shape:
        for slope in SLOPES:
            by = slope.format(x=x, y=y)
            value = eval(slope.format(x="x", y="y"), {"x": scene.value, "y": out})
            sentence = f"what arrives is multiplied by `{{}}{by}`, {NOT} {line}"
            yield Guess("function", sentence, arriving * value, any_factor=True)
        alone = product(scene, route, arriving=torch.ones_like(arriving))
        if alone is not None and torch.allclose(alone * arriving, part):
            sentence = f"what arrives is divided by the derivative of {line}: multiply"
            yield Guess("function", sentence, arriving / alone, any_factor=True)
    wide = unsummed(scene, route)
    wide = part if wide is None else wide
    for name in (*input_names(scene, route), y):
        value = in_float64(scene.names[name])
        for slope in ("1 - {x}", "1 - {x}**2", "{x} - {x}**2"):
            by = slope.format(x=name)
            guess = summed_to(_times(wide, eval(slope.format(x="value"), {"value": value})), part.shape)
            if guess is not None:
                yield Guess("function", f"a factor `{by}` too many: the derivative of {line} has none", guess)
        for power in (1, -1, 2, -2):
            guess = summed_to(_times(wide, value**power), part.shape)
            if guess is not None:
                by = f"`{name}`" if abs(power) == 1 else f"`{name}**2`"
                much = "too many" if power > 0 else "missing"
                yield Guess(
                    "function", f"right but for a factor {by}, which is {much} in the derivative of {line}", guess
                )
    for name, value in {**scene.names, f"d{y}": arriving}.items():
        if isinstance(value, Tensor) and value.is_floating_point() and 1 < value.numel() <= out.numel():
            for by in OF_ANY:
                factor = eval(by.format(x="x"), {"x": in_float64(value)})
                guess = summed_to(_times(arriving, factor), part.shape)
                if guess is not None:
                    sentence = f"what arrives is multiplied by `{{}}{by.format(x=name)}`, {NOT} {line}"
                    yield Guess("function", sentence, guess, any_factor=True)


def input_names(scene: Scene, route: Route) -> list[str]:
    """Return the names of float tensors that the route's lines read, the scene's own tensor first."""
    uses = sorted(frozenset().union(*(line.uses for line in route.lines)) - {scene.tensor})
    kept = [name for name in uses if isinstance(scene.names.get(name), Tensor)]
    kept = [name for name in kept if scene.names[name].is_floating_point() and scene.names[name].numel() > 1]
    return [scene.tensor, *kept]


def summed_to(part: Tensor | None, shape: torch.Size) -> Tensor | None:
    """Return `part` summed or expanded to the shape; None where it is None or does not broadcast."""
    if part is None:
        return None
    try:
        return sum_to(part, shape)
    except RuntimeError:
        return None


def _number(scene: Scene, name: str) -> Tensor:
    value: Tensor = in_float64(scene.names[name])
    return value


def _times(one: Tensor, other: Tensor) -> Tensor | None:
    try:
        together = one * other
    except RuntimeError:
        return None
    return together if together.shape == one.shape and bool(torch.isfinite(together).all()) else None
