"""Mistakes one can make in a backward step, each with the numbers that it would give.

A guess is made from the forward line alone; whether it fits what was found
is asked elsewhere, so a guess that is never true does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import combinations

import torch

from .fit import Guess
from .forward import Route, Scene, Tensor, in_float64, product, sum_to, unsummed
from .variants import neighbours, without_epsilon, written_once

POWERS = (0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, 1.5, -1.5)
SLOPES = ("1 - {y}", "1 - {x}**2", "1 + {y}**2", "1 - 2*{y}", "{y} - {y}**2", "{x} - {x}**2", "1 - {y}**2", "1 + {y}")
OF_ANY: tuple[str, ...] = ("{x}", "1 - {x}", "1 - {x}**2", "{x} - {x}**2", "{x}**2", "1/{x}", "(1 - {x})**2")
OF_ANY += ("{x}.exp()", "{x}.log()", "1 - {x}.tanh()**2")
MAX_PATHS = 6
NOT = "which is not the derivative of"


def of_the_whole(total: Tensor, parts: dict[str, Tensor]) -> Iterator[Guess]:
    """Mistakes that change the gradient as a whole. parts: by the target of each route; they sum to the total."""
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
    if total.dim() == 2 and total.shape[0] == total.shape[1]:
        yield Guess("transpose", "this is the transpose of the gradient", total.T)


def of_shape(total: Tensor, scene: Scene) -> Iterator[Guess]:
    """Right numbers, or nearly, in a shape that is not the tensor's."""
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
    """The derivative of the line alone."""
    arriving, target, line = scene.arriving(route), route.target, route.text
    if arriving.numel() > 1 and not torch.equal(arriving, torch.ones_like(arriving)):
        alone = product(scene, route, arriving=torch.ones_like(arriving))
        if alone is not None:
            sentence = f"d{target} is missing: this is the derivative of {line} alone, not times what arrives"
            yield Guess("upstream", sentence, alone)
            if bool((alone == alone.flatten()[0]).all()):
                yield Guess("upstream", f"d{target} is missing: this is 1 everywhere", torch.ones_like(alone))


def as_it_arrived(scene: Scene, route: Route) -> Iterator[Guess]:
    """No derivative of the line at all."""
    unchanged = _to(scene.arriving(route), scene.value.shape)
    if unchanged is not None and route.target != scene.tensor:
        sentence = f"the derivative of {route.text} is missing: this is d{route.target} as it arrived"
        yield Guess("local", sentence, unchanged)


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


def of_a_route(scene: Scene, route: Route, part: Tensor) -> Iterator[Guess]:
    """Mistakes in one path. part: the right gradient of this path; the values stand in its place."""
    line, target = route.text, route.target
    arriving = scene.arriving(route)
    where = f" through `{target}`" if len(scene.routes) > 1 else ""
    if where:
        yield Guess("sign", f"the gradient{where} has the wrong sign", -part)
    if (plain := without_epsilon(route)) is not None and (other := product(scene, route, sources=plain)) is not None:
        yield Guess("epsilon", f"the small constant of {line} is missing in its derivative", other)
    for name, once in written_once(scene, route):
        sentence = f"`{name}` is picked several times at one place: `+=` at an index adds only one of them"
        yield Guess("overwritten", sentence, once)
    yield from _of_other_gradients(scene, route, _same_shape(scene, route))
    yield from _of_functions(scene, route, part, arriving)
    if arriving.dim() == 2 and arriving.shape[0] == arriving.shape[1]:
        other = product(scene, route, arriving=arriving.T)
        if other is not None:
            yield Guess("transpose", f"d{target} is transposed the wrong way in the derivative of {line}", other)
    if bool(arriving.all()) and (other := product(scene, route, arriving=1 / arriving)) is not None:
        yield Guess("function", f"this divides by d{target}, which belongs above", other)
    for name in _inputs(scene, route):
        value = in_float64(scene.names[name])
        if value.dim() == 2 and value.shape[0] == value.shape[1] and name != scene.tensor:
            other = product(scene, route, at={name: value.T})
            if other is not None:
                yield Guess("transpose", f"`{name}` is transposed the wrong way in the derivative of {line}", other)
    yield from _of_other_tensors(scene, route, part, arriving)
    yield from _of_other_gradients(scene, route, _smaller(scene, route))


def _of_other_gradients(scene: Scene, route: Route, gradients: Iterable[tuple[str, Tensor]]) -> Iterator[Guess]:
    """Another gradient in the place of the one that arrives."""
    for names, gradient in gradients:
        other = product(scene, route, arriving=gradient)
        if other is not None:
            sentence = f"this is made from {names}; {route.text} needs d{route.target}"
            yield Guess("other-upstream", sentence, other)


def _same_shape(scene: Scene, route: Route) -> Iterator[tuple[str, Tensor]]:
    """The other gradients that have the shape of the one that arrives; those that are equal are one."""
    arriving = scene.arriving(route)
    found: list[tuple[str, Tensor]] = []
    for name, gradient in scene.upstream.items():
        if name in (route.target, scene.tensor) or gradient.shape != arriving.shape or gradient.equal(arriving):
            continue
        mine = in_float64(gradient)
        same = [place for place, (_, other) in enumerate(found) if torch.allclose(mine, other, rtol=1e-5, atol=1e-9)]
        if same:
            found[same[0]] = (f"{found[same[0]][0]} or d{name}", found[same[0]][1])
        else:
            found.append((f"d{name}", mine))
    yield from found


def _smaller(scene: Scene, route: Route) -> Iterator[tuple[str, Tensor]]:
    """The other gradients that are smaller and broadcast to the shape of the one that arrives."""
    arriving = scene.arriving(route)
    for name, gradient in scene.upstream.items():
        if name not in (route.target, scene.tensor) and 1 < gradient.numel() < arriving.numel():
            try:
                wide = in_float64(gradient).expand(arriving.shape)
            except RuntimeError:
                continue
            yield f"d{name}", wide


def _of_other_tensors(scene: Scene, route: Route, part: Tensor, arriving: Tensor) -> Iterator[Guess]:
    """Another tensor where one belongs: in the forward line, or in the place of what arrives."""
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
        yield Guess("transpose", f"the gradient through `{target}` is transposed", part.T)
    for axis, size in enumerate(part.shape):
        if size > 1:
            sentence = f"a sum too many in the gradient through `{target}`: it is not the same along axis {axis}"
            yield Guess("wrong-axis", sentence, part.sum(axis, keepdim=True).expand(part.shape))


def _of_functions(scene: Scene, route: Route, part: Tensor, arriving: Tensor) -> Iterator[Guess]:
    """Another derivative than the line's own."""
    line = route.text
    for now, then, sources in neighbours(route):
        other = product(scene, route, sources=sources)
        if other is not None:
            yield Guess("function", f"this is the derivative with `{then}` where {line} has `{now}`", other)
    x, y = scene.tensor, route.target
    out = in_float64(scene.names[y])
    for power in POWERS:
        for name in ((y,) if out.numel() > 1 else ()) + tuple(_inputs(scene, route)) if power else (x,):
            by = "1" if power == 0 else name if power == 1 else f"{name}**{power}"
            # Summed over what was broadcast, so that of the two factors of a product each is tried.
            guess = _to(_times(arriving, _number(scene, name) ** power), part.shape)
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
    for name in (*_inputs(scene, route), y):
        value = in_float64(scene.names[name])
        for slope in ("1 - {x}", "1 - {x}**2", "{x} - {x}**2"):
            by = slope.format(x=name)
            guess = _to(_times(wide, eval(slope.format(x="value"), {"value": value})), part.shape)
            if guess is not None:
                yield Guess("function", f"a factor `{by}` too many: the derivative of {line} has none", guess)
        for power in (1, -1, 2, -2):
            guess = _to(_times(wide, value**power), part.shape)
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
                guess = _to(_times(arriving, factor), part.shape)
                if guess is not None:
                    sentence = f"what arrives is multiplied by `{{}}{by.format(x=name)}`, {NOT} {line}"
                    yield Guess("function", sentence, guess, any_factor=True)


def _number(scene: Scene, name: str) -> Tensor:
    value: Tensor = in_float64(scene.names[name])
    return value


def _inputs(scene: Scene, route: Route) -> list[str]:
    """The tensors that the route's lines read, the scene's own first."""
    uses = sorted(frozenset().union(*(line.uses for line in route.lines)) - {scene.tensor})
    kept = [name for name in uses if isinstance(scene.names.get(name), Tensor)]
    kept = [name for name in kept if scene.names[name].is_floating_point() and scene.names[name].numel() > 1]
    return [scene.tensor, *kept]


def _times(one: Tensor, other: Tensor) -> Tensor | None:
    try:
        together = one * other
    except RuntimeError:
        return None
    return together if together.shape == one.shape and bool(torch.isfinite(together).all()) else None


def _to(part: Tensor | None, shape: torch.Size) -> Tensor | None:
    if part is None:
        return None
    try:
        return sum_to(part, shape)
    except RuntimeError:
        return None


def _is_floating(value: object) -> bool:
    return isinstance(value, Tensor) and value.is_floating_point() and value.numel() > 1
