"""Find submissions that share what few others wrote. It measures likeness and decides nothing.

A submission is its set of statements and comments, without layout and without the names that students choose. What the
exercise hands out and what a quarter of the class wrote is left out; the rest counts by how rare it is: a thing that c
of N students wrote counts log2(N / c) bits.
"""

from __future__ import annotations

import ast
import functools
import io
import math
import tokenize
from collections import defaultdict
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from itertools import combinations

COMMON = 4  # what more than one in so many students wrote is nobody's own
SHORTEST = 8  # characters of a statement or comment that says anything
# Rare things that a pair must share to be shown. Of 400 made-up students who drew their mistakes from one pool of 26,
# 56 of 79,800 pairs share three by chance.
FEWEST = 3


@dataclass(frozen=True)
class Pair:
    """Two students. bits: how unlikely their shared things are, by how few wrote them. share: of the smaller one's rare
    things that the other has too, 0 to 1, weighted. shared: the things."""

    one: str
    other: str
    bits: float
    share: float
    shared: frozenset[str]


@functools.lru_cache(maxsize=50_000)  # most cells of a class are the same
def things(source: str, known: frozenset[str]) -> Mapping[str, int]:
    """Return a cell's statements and comments, normalised, each with the line where it begins, counted from 1.

    known: names that the exercise gives; all others stand for themselves only by the order in which they appear.
    """
    found: dict[str, int] = {}
    for text, line in _comments(source):
        if len(text) >= SHORTEST and not text.startswith("todo"):  # a stub's
            found.setdefault(f"# {text}", line)
    try:
        return found | _statements(source, known)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        for line, raw in enumerate(source.splitlines(), 1):
            text = " ".join(raw.split())
            if len(text) >= SHORTEST and not text.startswith("#"):
                found.setdefault(text, line)
    return found


def pairs(written: Mapping[str, Set[str]], handed_out: Set[str] = frozenset()) -> list[Pair]:
    """Return the pairs that share at least three rare things, the least likely first.

    written: the things that each student wrote. handed_out: those that were in the notebook already.
    """
    by_thing: dict[str, list[str]] = defaultdict(list)
    for student in sorted(written):
        for thing in written[student] - handed_out:
            by_thing[thing].append(student)
    most = max(2, len(written) // COMMON)
    bits = {
        thing: math.log2(len(written) / len(students)) for thing, students in by_thing.items() if len(students) <= most
    }
    own = {student: sum(bits.get(thing, 0.0) for thing in things_) for student, things_ in written.items()}
    shared: dict[tuple[str, str], set[str]] = defaultdict(set)
    for thing in bits:
        for pair in combinations(by_thing[thing], 2):
            shared[pair].add(thing)
    found = []
    for (one, other), together in shared.items():
        if len(together) >= FEWEST:
            weight = sum(bits[thing] for thing in together)
            smaller = min(own[one], own[other])
            found.append(Pair(one, other, weight, weight / smaller if smaller else 0.0, frozenset(together)))
    return sorted(found, key=lambda pair: (-pair.bits, pair.one, pair.other))


def _statements(source: str, known: Set[str]) -> dict[str, int]:
    """Return the statements of a cell. Raises SyntaxError, and what deeply nested code raises."""
    found: dict[str, int] = {}
    for node in ast.walk(_Renamed(known).visit(ast.parse(source))):
        if isinstance(node, ast.stmt) and not _says_nothing(node):
            text = ast.unparse(node).partition("\n")[0]
            if len(text) >= SHORTEST:
                found.setdefault(text, node.lineno)
    return found


def names_in(sources: Iterable[str]) -> frozenset[str]:
    """Return the names in cells of the exercise."""
    found: set[str] = set()
    for source in sources:
        try:
            found |= {node.id for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        except SyntaxError:  # a magic
            continue
    return frozenset(found)


class _Renamed(ast.NodeTransformer):
    """Gives the names that a student has chosen others, in the order of their appearance."""

    def __init__(self, known: Set[str]) -> None:
        self._known = known
        self._new: dict[str, str] = {}

    def _name(self, name: str) -> str:
        return name if name in self._known else self._new.setdefault(name, f"name{len(self._new) + 1}")

    def visit_Name(self, node: ast.Name) -> ast.Name:
        node.id = self._name(node.id)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.arg = self._name(node.arg)
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.name = self._name(node.name)
        return self.generic_visit(node)


def _says_nothing(node: ast.stmt) -> bool:
    """Return whether a statement is one that anybody has: an import, a stub (`dx = None`, `dx = dx`), a text, pass."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Pass | ast.Expr):
        return not isinstance(node, ast.Expr) or isinstance(node.value, ast.Constant | ast.Name)
    if not isinstance(node, ast.Assign):
        return False
    none = isinstance(node.value, ast.Constant) and node.value.value is None
    return none or [ast.unparse(target) for target in node.targets] == [ast.unparse(node.value)]


def _comments(source: str) -> list[tuple[str, int]]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (tokenize.TokenError, SyntaxError, ValueError):
        return []
    return [
        (" ".join(token.string.lstrip("#").split()).lower(), token.start[0])
        for token in tokens
        if token.type == tokenize.COMMENT
    ]
