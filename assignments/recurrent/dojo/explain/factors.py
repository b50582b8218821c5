"""Factors that are usual mistakes: sizes and constants of a forward line, and powers of values that have a name."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, permutations

import torch

from .fit import Guess, is_multiple, largest, multiple
from .forward import Line, Route, Scene, Tensor, in_float64
from .graph import Graph

AVERAGE = r"mean\(|/"
BESSEL = r"\w *- *1\b|var\(|std\("
SAMPLE = 60  # elements on which a product of powers is tried before all are compared: enough to rule out most
TOO_FEW = 8  # with fewer elements, some product of powers comes close to anything
ROUGH = 2e-3  # how far logarithms may be off at the sampled elements; the guess itself is then held to fit.py


@dataclass(frozen=True)
class Known:
    """A number with a meaning. symbol: the same in cases of other sizes. sentence: follows "the gradient is".

    likely: it has no other meaning; a length may be equal to a number by chance.
    """

    value: float
    symbol: str
    sentence: str
    likely: bool = True


def known_factors(scene: Scene, routes: tuple[Route, ...], lines: tuple[Line, ...]) -> Iterator[Known]:
    """Yield the numbers that mean something in these lines; of two that are equal, the likelier first.

    lines: those of the routes' lines that the factor may come from.
    """
    named = _named(scene, routes)
    # One less than a size is likely only where a line has Bessel's correction.
    bessel = _with(lines, BESSEL)
    for name, size in named:
        yield from _of_a_size(name, size, lines)
        yield from _of_one_less(name, size, lines) if bessel else ()
    yield from (replace(known, likely=False) for known in _unlikely(scene, routes, lines, bessel))


def _unlikely(scene: Scene, routes: tuple[Route, ...], lines: tuple[Line, ...], bessel: str) -> Iterator[Known]:
    """Yield numbers that are more often something else. bessel: the line with Bessel's correction, else ""."""
    named, lengths = _named(scene, routes), list(_lengths(scene, routes))
    for line in lines:
        for value in _constants(line.source):
            missing = f"right but for the factor {value:g} of `{line.source}`, which is missing"
            yield Known(1 / value, f"1/{value:g}", missing)
            yield Known(value, f"{value:g}", f"right but for the factor {value:g}, which stands there once too often")
        for name, rate in _rates(scene, line):
            missing = f"right but for the factor `{name}` of `{line.source}`, which is missing"
            yield Known(1 / abs(rate), f"1/{name}", missing)
            yield Known(abs(rate), name, f"right but for the factor `{name}`, which stands there once too often")
    for name, size in lengths:
        yield from _of_a_size(name, size, lines)
        yield from _of_two(scene, line, (*named, *lengths))
    if _with(lines, AVERAGE):
        for (name, size), (other, length) in permutations((*named, *lengths), 2):
            # Of two tensors' numbers of elements, the quotient is the sizes of the axes that one of them lacks.
            if not (name.endswith("numel()") and other.endswith("numel()")):
                yield Known(size / length, f"{name}/{other}", f"divided by {other}, expected {name}")
    for name, size in () if bessel else named:
        yield from _of_one_less(name, size, lines)
    for name, size in (*named, *lengths):
        roots = [line.source for route in routes for line in route.lines]
        if any("0.5" in source or "sqrt" in source for source in roots):
            yield Known(size**0.5, f"sqrt {name}", f"too large by the root of {name}")
            yield Known(size**-0.5, f"1/sqrt {name}", f"too small by the root of {name}")
            for sign, over in ((0.5, f"{name}/({name} - 1)"), (-0.5, f"({name} - 1)/{name}")) if size > 1 else ():
                root = f"right up to the root of {over}: see what the variance divides by"
                yield Known((size / (size - 1)) ** sign, f"sqrt {over}", root)


def _rates(scene: Scene, line: Line) -> Iterator[tuple[str, float]]:
    """Yield the numbers that a line reads by a name, such as the weight of a penalty."""
    for name in sorted(line.uses):
        rate = scene.names.get(name)
        if type(rate) is float and rate not in (0.0, 1.0, -1.0):
            yield name, rate


def _of_two(scene: Scene, line: Line, sizes: Sequence[tuple[str, int]]) -> Iterator[Known]:
    """Yield two factors of a line that are missing together: constants and numbers with a name, the size of a mean."""
    numbers = [(f"{value:g}", value) for value in _constants(line.source)]
    numbers += [(f"`{name}`", abs(rate)) for name, rate in _rates(scene, line)]
    numbers += [(f"`1/{name}`", 1 / size) for name, size in sizes] if re.search(AVERAGE, line.source) else []
    for (one, first), (other, second) in combinations(numbers, 2):
        if not (one.startswith("`1/") and other.startswith("`1/")):
            both = f"right but for the factors {one} and {other} of `{line.source}`, which are missing"
            yield Known(1 / (first * second), f"1/({one} {other})", both)


def _of_a_size(name: str, size: int, lines: tuple[Line, ...]) -> Iterator[Known]:
    """Yield the size and its inverse: a mean divides by it."""
    average, less = _with(lines, AVERAGE), _with(lines, BESSEL)
    large = f": `{average}` divides by {name}" if average and not less else ""
    yield Known(size, name, f"too large by the factor {name}{large}")
    small = "" if average or not lines else ": a mean stands where a sum belongs"
    yield Known(1 / size, f"1/{name}", f"too small by the factor {name}{small}")


def _of_one_less(name: str, size: int, lines: tuple[Line, ...]) -> Iterator[Known]:
    """Yield the factors made of size and size - 1, which Bessel's correction divides by."""
    average, less = _with(lines, AVERAGE), _with(lines, BESSEL)
    if size > 2:
        why = f": `{less}` divides by {name} - 1 (Bessel's correction)" if less else ""
        yield Known((size - 1) / size, f"({name}-1)/{name}", f"right up to the factor ({name} - 1)/{name}{why}")
        why = f": `{average}` divides by {name}, not by {name} - 1" if average and not less else ""
        yield Known(size / (size - 1), f"{name}/({name}-1)", f"right up to the factor {name}/({name} - 1){why}")
        why = f": `{less}` divides by {name} - 1" if less else ""
        yield Known(size - 1, f"{name}-1", f"too large by the factor {name} - 1{why}")
        yield Known(1 / (size - 1), f"1/({name}-1)", f"too small by the factor {name} - 1")


def _with(lines: tuple[Line, ...], pattern: str) -> str:
    """Return the source of the first line in which the pattern is found, else ""."""
    return next((line.source for line in lines if re.search(pattern, line.source)), "")


def _named(scene: Scene, routes: tuple[Route, ...]) -> list[tuple[str, int]]:
    """Return the sizes that have a name in the lines, as (name, size)."""
    names = sorted(frozenset().union(*(line.uses for route in routes for line in route.lines)))
    return [(name, scene.names[name]) for name in names if type(scene.names.get(name)) is int and scene.names[name] > 1]


def _lengths(scene: Scene, routes: tuple[Route, ...]) -> Iterator[tuple[str, int]]:
    """Yield the lengths of the axes and the numbers of elements of the tensor and the targets, as (text, size)."""
    for name in (scene.tensor, *(route.target for route in routes)):
        shape = scene.names[name].shape
        yield from ((f"{name}.shape[{axis}]", size) for axis, size in enumerate(shape) if size > 1)
        if len(shape) > 1 and math.prod(shape) > 1:
            yield f"{name}.numel()", math.prod(shape)


def _constants(source: str) -> list[float]:
    nodes = [n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant)]
    kept = {abs(float(v)) for v in nodes if isinstance(v, int | float) and not isinstance(v, bool)}
    return sorted(v for v in kept if v not in (0.0, 1.0))


def named_values(graph: Graph) -> dict[str, Tensor]:
    """Return the float64 values, by quoted name, that can be factors of the gradient of the graph's tensor.

    They are the values and gradients around the route's lines, the gradient that arrives, and, last, the parts of a
    line that have no name and are called by their text.
    """
    scene, shape = graph.scene, graph.scene.value.shape
    names = [*graph.values, *scene.upstream]
    found = {f"`{name}`": in_float64(scene.names[name]) for name in names if name in scene.names}
    found[f"`d{graph.route.target}`"] = scene.arriving(graph.route)
    # What has no name of its own comes last.
    found |= {node.text: graph.values[name] for name, node in graph.nodes.items() if node.text not in found}
    return {name: value for name, value in found.items() if fits_shape(value, shape)}


def fits_shape(value: object, shape: torch.Size) -> bool:
    """Return whether a value is a finite float tensor of several elements that broadcasts to this shape."""
    if not isinstance(value, Tensor) or not value.is_floating_point() or value.numel() < 2:
        return False
    try:
        return value.expand(shape).shape == shape and bool(torch.isfinite(value).all())
    except RuntimeError:
        return False


def of_powers(
    mine: Tensor, others: Tensor, right: Tensor, what: str, graph: Graph, relative: float, size: int
) -> Iterator[Guess]:
    """Yield guesses that a path's gradient, or its inverse, is multiplied by powers of `size` named values.

    mine: the gradient that was found. others: what all other paths contribute. right: what this path should. what: how
    a sentence calls it. relative: how exact the numbers of `mine` are.
    """
    rest, right, values = mine - others, right.expand(mine.shape), named_values(graph)
    rounding = relative / ROUGH
    large = (rest.abs() > rounding * (mine.abs() + others.abs())) & (right.abs() > rounding * largest(right))
    where = large.flatten().nonzero()[:, 0]
    where = where[:: max(1, len(where) // SAMPLE)]
    if len(where) < TOO_FEW:
        return
    logs = {}
    for name, value in values.items():
        there = value.expand(mine.shape).flatten()[where].abs().log()
        if bool(torch.isfinite(there).all()) and float(there.std()) > ROUGH:
            logs[name] = there
    wanted, right_there = (x.flatten()[where].abs().log() for x in (rest, right))
    for times in (1, -1):
        for exponents in sorted(_exponents(wanted - times * right_there, logs, size), key=_order):
            value = right**times
            for name, exponent in exponents.items():
                # A half power of a negative number is no number; the sign is left to the factor.
                value = value * (values[name] if exponent % 1 == 0 else values[name].abs()) ** exponent
            if is_multiple(right, value):
                continue  # these powers make a constant, which is reported as a factor
            ratio = multiple(rest, value)
            more = "" if abs(ratio - 1) < ROUGH else "; a constant factor is wrong too"
            yield Guess("function", _sentence(what, times, exponents) + more, others + value * ratio)


def _order(exponents: dict[str, float]) -> tuple[float, int, float]:
    """Return a sort key. Whole powers come first, then values with a name, then small powers.

    Several products may have nearly the same values, so the order decides which of them is named.
    """
    unnamed = sum(not name.strip("`").isidentifier() for name in exponents)
    return sum(power % 1 for power in exponents.values()), unnamed, sum(map(abs, exponents.values()))


def _exponents(wanted: Tensor, logs: dict[str, Tensor], size: int) -> Iterator[dict[str, float]]:
    """Yield the exponents, whole or half, with which `size` of the values give `wanted`, up to a constant.

    wanted and logs: logarithms of absolute values at the same elements.
    """
    choices = list(combinations(logs, size))
    if not choices:
        return
    columns = torch.stack([torch.stack([logs[n] for n in some] + [torch.ones_like(wanted)], 1) for some in choices])
    found = torch.linalg.lstsq(columns, wanted[None, :, None].expand(len(choices), -1, 1)).solution
    off = (columns @ found)[:, :, 0] - wanted
    for some, solution, error in zip(choices, found[:, :-1, 0], off.abs().amax(1), strict=True):
        halves = (solution * 2).round() / 2
        near = float(error) < ROUGH and float((solution - halves).abs().max()) < 10 * ROUGH
        if near and bool((halves != 0).all()) and bool((halves.abs() <= 3).all()):
            yield dict(zip(some, halves.tolist(), strict=True))


def _sentence(what: str, times: int, exponents: dict[str, float]) -> str:
    if times < 0:
        return f"{what} is divided by something that belongs above"
    if len(exponents) == 1:
        name, exponent = next(iter(exponents.items()))
        return f"{what} is right but for a factor {_power(name, abs(exponent))}, " + (
            "which is missing" if exponent < 0 else "which does not belong there"
        )
    (one, first), (other, second) = exponents.items()
    if first == -second:
        wrong, belongs = (one, other) if first > 0 else (other, one)
        return f"{what} has {_power(wrong, abs(first))} where {_power(belongs, abs(first))} belongs"
    both = " and ".join(_power(name, exponent) for name, exponent in exponents.items())
    return f"{what} is right but for factors {both}, which do not belong there"


def _power(name: str, exponent: float) -> str:
    inner = name.strip("`")
    return name if exponent == 1 else f"`{inner if inner.isidentifier() else f'({inner})'}**{exponent:g}`"
