"""Whether code may differentiate numerically; a run of it, taped, then tells (shifted.py)."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Mapping

from .code import KEPT, nodes_of, related

# A shift is a small number, a tiny one of a type, or a random direction.
LARGEST_SHIFT = 0.3
LARGE = 1e9  # bases and quotients above are of no use as shifts, and would overflow
SHIFTING = frozenset(
    {"finfo", "eps", "epsilon", "nextafter", "rand", "randn", "rand_like", "randn_like", "linspace", "lstsq", "polyfit"}
    | {"vander", "logspace", "normal_", "uniform_", "Fraction", "derivative", "approx_fprime", "gradcheck", "gradient"}
)
COMPLEX = frozenset({"complex", "complex64", "complex128", "cfloat", "cdouble", "imag", "view_as_complex"})


# Numbers and words that the text of such code has; what has none of them need not be parsed.
_NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_WORDS = re.compile(rf"\b(?:{'|'.join(sorted(SHIFTING | COMPLEX))})\b|\dj\b|\*\*\s*-|\b(\w+)\(.*?-\s*\1\(", re.DOTALL)
MAX_TEXT = 2_000  # characters of a cell that are searched, which takes square time; a longer one is parsed anyway


def may_shift(
    cells: Mapping[int, str], own: Iterable[int], name: str, recorded: Mapping[str, int], forward: str
) -> bool:
    """Return whether a step's code, with what it calls, has a number or a word that shifting values needs.

    cells, own, name, recorded: as for `evades`. forward: the forward cell; a small number that stands there, such as
    an epsilon, is none.
    """
    usual = _usual(forward)
    suspects = {index for index, source in cells.items() if _has_signs(source, usual)}
    for index in suspects & related(cells, own, name, recorded) if suspects else ():
        nodes = list(nodes_of(cells[index]))
        if any(0 < abs(number) <= LARGEST_SHIFT and abs(number) not in usual for number in _numbers(nodes)):
            return True
        words = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        words |= {node.id for node in nodes if isinstance(node, ast.Name)}
        if words & (SHIFTING | COMPLEX):
            return True
        if any(isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub) and _differs(node) for node in nodes):
            return True
    return False


@functools.lru_cache(maxsize=16)
def _usual(forward: str) -> frozenset[float]:
    return frozenset(abs(number) for number in _numbers(nodes_of(forward)))


@functools.lru_cache(maxsize=KEPT)
def _has_words(source: str) -> bool:
    return len(source) > MAX_TEXT or _WORDS.search(source) is not None


@functools.lru_cache(maxsize=KEPT)
def _has_signs(source: str, usual: frozenset[float]) -> bool:
    if _has_words(source):
        return True
    numbers = {float(number) for number in _NUMBER.findall(source)}
    whole = {number for number in numbers if number >= 10}  # 1/1000
    return bool(whole and "/" in source) or any(0 < n <= LARGEST_SHIFT and n not in usual for n in numbers)


def is_complex(cells: Mapping[int, str], own: Iterable[int], name: str, recorded: Mapping[str, int]) -> bool:
    """Return whether a step's code computes with complex numbers, which a derivation of real ones never needs."""
    suspects = {index for index, source in cells.items() if _has_words(source)}
    for index in suspects & related(cells, own, name, recorded) if suspects else ():
        for node in nodes_of(cells[index]):
            match node:
                case ast.Constant(complex()) | ast.Name(id="complex") | ast.Attribute(attr="imag"):
                    return True
                case ast.Attribute(attr=word) | ast.Constant(str(word)) if word in COMPLEX:
                    return True
    return False


def _numbers(nodes: Iterable[ast.AST]) -> list[float]:
    """Return the numbers in the code: literals, and powers such as 10**-6 and quotients such as 1/1000."""
    found: list[float] = []
    for node in nodes:
        match node:
            case ast.Constant(float() | complex() as value):
                found.append(abs(value))
            case ast.BinOp(
                ast.Constant(int() | float() as base),
                ast.Pow(),
                ast.UnaryOp(ast.USub(), ast.Constant(int() as power)),
            ) if 0 < abs(base) < LARGE and power < 100:
                found.append(float(abs(base)) ** -power)
            case ast.BinOp(
                ast.Constant(int() | float() as over), ast.Div(), ast.Constant(int() | float() as under)
            ) if 0 < abs(under) < LARGE and abs(over) < LARGE:
                found.append(over / under)
    return found


def _differs(node: ast.BinOp) -> bool:
    """Return whether it is f(a) - f(b), for one function f of the student's own."""
    match node:
        case ast.BinOp(ast.Call(ast.Name(first), one), ast.Sub(), ast.Call(ast.Name(second), other)):
            return first == second and ast.dump(ast.Tuple(one)) != ast.dump(ast.Tuple(other))
    return False
