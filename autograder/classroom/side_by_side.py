"""Pairs of similar submissions as a page, side by side, with what they share marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from autograder.classroom.page import render
from autograder.classroom.similar import Pair, things


@dataclass(frozen=True)
class Line:
    """A line of code. shared: whether a thing begins there that the other one has too."""

    text: str
    shared: bool


@dataclass(frozen=True)
class Comparison:
    """A pair with the cells of both. shared: how many rare things both have."""

    one: str
    other: str
    exercise: str
    bits: float
    share: float
    shared: int
    left: tuple[tuple[Line, ...], ...]
    right: tuple[tuple[Line, ...], ...]


def compared(pair: Pair, exercise: str, cells: Mapping[str, Sequence[str]], known: frozenset[str]) -> Comparison:
    """Return a pair with the code of both. cells: each student's, in order. known: names that the exercise gives."""
    left, right = (
        tuple(lines for source in cells[student] if (lines := _lines(source, pair.shared, known)))
        for student in (pair.one, pair.other)
    )
    return Comparison(pair.one, pair.other, exercise, pair.bits, pair.share, len(pair.shared), left=left, right=right)


def similar_page(assignment: str, pairs: Sequence[Comparison], found: int, students: int, made: datetime) -> str:
    """Return the page. pairs: those that are shown. found: how many there are. students: how many were compared."""
    when = made.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    return render("similar", assignment=assignment, pairs=pairs, found=found, students=students, made=when)


def _lines(source: str, shared: Set[str], known: frozenset[str]) -> tuple[Line, ...]:
    marked = {line for thing, line in things(source, known).items() if thing in shared}
    return tuple(Line(text.expandtabs(4), number in marked) for number, text in enumerate(source.splitlines(), 1))
