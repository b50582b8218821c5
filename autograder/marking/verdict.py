"""The verdicts and what they earn."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Verdict(StrEnum):
    """What a step is found to be; the words that people see."""

    EXACT = "exact"
    APPROXIMATE = "approximate"
    FOLLOW_THROUGH = "follow-through"
    PATH_MISSING = "path-missing"
    HARD_CODED = "hard-coded"
    WRONG = "wrong"
    SHAPE = "shape"
    ERROR = "error"
    MISSING = "missing"
    TIMEOUT = "timeout"
    CRASHED = "crashed"
    AUTOGRAD = "autograd"
    NUMERICAL = "numerical"


CREDIT: Mapping[str, float] = {
    Verdict.EXACT: 1.0,
    Verdict.APPROXIMATE: 1.0,
    Verdict.FOLLOW_THROUGH: 1.0,
    Verdict.PATH_MISSING: 0.5,
    Verdict.HARD_CODED: 0.5,
}
"""The part of a step's points that a verdict earns; 0 where it is not listed. A course may change it."""
