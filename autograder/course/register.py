"""The gradebook's side of one assignment, as data: who is in the class, when they submitted, what it has of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fnmatch import fnmatchcase

from autograder.text import one_line

MAX_NAMES = 10  # of those who have handed in nothing that one line has


@dataclass(frozen=True)
class Standing:
    """One student in one assignment.

    name: first and last name. submitted: when, in UTC. late: behind the due date with the extension, else zero. free:
    late days of that which the course's policy gives for nothing. penalty: points taken for the others. scores: by
    exercise, with what a person has given; only of recorded ones. by_hand: exercises that a person has given marks in.
    """

    name: str = ""
    submitted: datetime | None = None
    extension: timedelta = timedelta()
    late: timedelta = timedelta()
    free: int = 0
    penalty: float = 0.0
    scores: Mapping[str, float] = field(default_factory=dict)
    by_hand: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Register:
    """One assignment. due: in UTC. max_scores: by exercise, tasks that a person grades included."""

    due: datetime | None = None
    max_scores: Mapping[str, float] = field(default_factory=dict)
    standings: Mapping[str, Standing] = field(default_factory=dict)


def absent_students(known: Iterable[str], submitted: Collection[str], pattern: str = "*") -> tuple[str, ...]:
    """Return the students of the gradebook who have handed in nothing, sorted. pattern: of the names that count."""
    return tuple(sorted(name for name in known if name not in submitted and fnmatchcase(name, pattern)))


def said_of_absent(absent: Collection[str]) -> str:
    """Return the line on those who have handed in nothing."""
    shown = [one_line(name) for name in list(absent)[:MAX_NAMES]]
    more = f" and {len(absent) - MAX_NAMES} more" if len(absent) > MAX_NAMES else ""
    people = "1 student of the gradebook has" if len(absent) == 1 else f"{len(absent)} students of the gradebook have"
    return f"missing: {people} handed in nothing: {', '.join(shown)}{more}"
