"""Constant factors that are usual mistakes: the sizes and the constants of a forward line."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

from .steps import Line, Route, Scene

AVERAGE = r"mean\(|/"
BESSEL = r"\w *- *1\b|var\(|std\("


@dataclass(frozen=True)
class Known:
    """A factor that means something. symbol: the same at all sizes. sentence: goes on after "the gradient is"."""

    value: float
    symbol: str
    sentence: str


def known_factors(scene: Scene, routes: tuple[Route, ...], lines: tuple[Line, ...]) -> Iterator[Known]:
    """Factors that mean something in these lines, with what they mean; where two are equal, the likelier first.

    lines: of the routes, those that the factor is of.
    """
    named, lengths = _named(scene, routes), list(_lengths(scene, routes))
    # One less than a size is likely only where a line has Bessel's correction.
    bessel = _with(lines, BESSEL)
    for name, size in named:
        yield from _of_a_size(name, size, lines)
        yield from _of_one_less(name, size, lines) if bessel else ()
    for line in lines:
        for value in _constants(line.source):
            missing = f"right but for the factor {value:g} of `{line.source}`, which is missing"
            yield Known(1 / value, f"1/{value:g}", missing)
            yield Known(value, f"{value:g}", f"right but for the factor {value:g}, which stands there once too often")
    for name, size in lengths:
        yield from _of_a_size(name, size, lines)
    if _with(lines, AVERAGE):
        for (name, size), (other, length) in permutations((*named, *lengths), 2):
            yield Known(size / length, f"{name}/{other}", f"divided by {other}, expected {name}")
    for name, size in (*(() if bessel else named), *lengths):
        yield from _of_one_less(name, size, lines)
    for name, size in (*named, *lengths):
        roots = [line.source for route in routes for line in route.lines]
        if any("0.5" in source or "sqrt" in source for source in roots):
            yield Known(size**0.5, f"sqrt {name}", f"too large by the root of {name}")
            yield Known(size**-0.5, f"1/sqrt {name}", f"too small by the root of {name}")
            for sign, over in ((0.5, f"{name}/({name} - 1)"), (-0.5, f"({name} - 1)/{name}")) if size > 1 else ():
                root = f"right up to the root of {over}: see what the variance divides by"
                yield Known((size / (size - 1)) ** sign, f"sqrt {over}", root)


def _of_a_size(name: str, size: int, lines: tuple[Line, ...]) -> Iterator[Known]:
    """The size itself, which a mean divides by."""
    average, less = _with(lines, AVERAGE), _with(lines, BESSEL)
    large = f": `{average}` divides by {name}" if average and not less else ""
    yield Known(size, name, f"too large by the factor {name}{large}")
    small = "" if average or not lines else ": a mean stands where a sum belongs"
    yield Known(1 / size, f"1/{name}", f"too small by the factor {name}{small}")


def _of_one_less(name: str, size: int, lines: tuple[Line, ...]) -> Iterator[Known]:
    """The size less one, which Bessel's correction divides by."""
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
    """The first line in which the pattern is found."""
    return next((line.source for line in lines if re.search(pattern, line.source)), "")


def _named(scene: Scene, routes: tuple[Route, ...]) -> list[tuple[str, int]]:
    """The sizes that the lines have a name for."""
    names = sorted(frozenset().union(*(line.uses for route in routes for line in route.lines)))
    return [(name, scene.names[name]) for name in names if type(scene.names.get(name)) is int and scene.names[name] > 1]


def _lengths(scene: Scene, routes: tuple[Route, ...]) -> Iterator[tuple[str, int]]:
    """The lengths of the axes, and the numbers of elements."""
    for name in (scene.tensor, *(route.target for route in routes)):
        shape = scene.names[name].shape
        yield from ((f"{name}.shape[{axis}]", size) for axis, size in enumerate(shape) if size > 1)
        if len(shape) > 1 and math.prod(shape) > 1:
            yield f"{name}.numel()", math.prod(shape)


def _constants(source: str) -> list[float]:
    nodes = [n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Constant)]
    kept = {abs(float(v)) for v in nodes if isinstance(v, int | float) and not isinstance(v, bool)}
    return sorted(v for v in kept if v not in (0.0, 1.0))
