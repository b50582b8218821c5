"""What a step should hold in one run, and how a value compares with it: the rule's arithmetic.

Marking and the notebook's trial compare with the same code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import torch

from .compare import compare

MAX_PATHS = 6  # subsets of more paths than this are not searched


class Held(Protocol):
    """The value of a d-variable when it was recorded.

    kind: "tensor", "none", "undefined" or "other"; `type` then describes it in words.
    """

    @property
    def kind(self) -> str:
        """What it is."""

    @property
    def tensor(self) -> torch.Tensor | None:
        """The tensor; None where it is none."""

    @property
    def type(self) -> str:
        """Any other value in words."""


@dataclass(frozen=True)
class Tolerance:
    """rtol: relative to each element. atol: relative to the largest element, since sums round with their terms.

    allowed: absolute, what a step's check cell allows beside rounding.
    """

    rtol: float
    atol: float
    allowed: float = 0.0

    def of(self, rtol: float, atol: float) -> Tolerance:
        """Return the tolerance of a step whose check cell has one of its own: relative and absolute; 0 for none."""
        return Tolerance(max(self.rtol, rtol), self.atol, atol)


# A right formula agrees to about 1e-15; a forgotten epsilon of 1e-5 differs by about 1e-6.
IN_FLOAT64 = Tolerance(1e-9, 1e-12)
IN_FLOAT32 = Tolerance(2e-6, 1e-6)


@dataclass(frozen=True)
class Check:
    """One step in one run. left_out: paths whose sum is what is missing, where some but not all are there."""

    right: bool
    left_out: tuple[str, ...] = ()


RIGHT = Check(True)
WRONG = Check(False)


@dataclass(frozen=True)
class Checks:
    """A step in one mode: on the hidden cases of the notebook's own sizes, and on those of other sizes."""

    public_sizes: tuple[Check, ...]
    other_sizes: tuple[Check, ...]

    @property
    def right(self) -> bool:
        """Right on every case."""
        return all(c.right for c in (*self.public_sizes, *self.other_sizes))

    @property
    def right_at_public_sizes(self) -> bool:
        """Right on every case that has the notebook's own sizes."""
        return all(c.right for c in self.public_sizes)

    def better_than(self, other: Checks) -> bool:
        """Return whether this earns more than another way, or says more of what is missing."""
        return self.rank > other.rank

    @property
    def rank(self) -> tuple[bool, bool, bool]:
        """What decides between two ways of answering; the larger one is the better."""
        return self.right, bool(self.left_out), self.right_at_public_sizes

    @property
    def left_out(self) -> tuple[str, ...]:
        """The paths that are left out on every case; empty where that is not so."""
        every = {c.left_out for c in (*self.public_sizes, *self.other_sizes)}
        return every.pop() if len(every) == 1 else ()


UNTRIED = Checks((WRONG,), (WRONG,))
"""A mode that was not run because the other had decided."""


class Target:
    """What one step should hold in one run: the total and, where several paths add up, what some of them make.

    total: shape and dtype of the tensor. paths: by the name of the tensor that each goes through.
    """

    def __init__(self, total: torch.Tensor, paths: Mapping[str, torch.Tensor], tolerance: Tolerance) -> None:
        self.total = total
        self._paths = paths
        self._tolerance = tolerance
        largest = float(total.abs().max()) if total.numel() else 0.0
        self._atol = max(tolerance.atol * largest, tolerance.allowed)
        self.bound = self._atol + tolerance.rtol * total.abs()

    def allowing(self, rtol: float, atol: float) -> Target:
        """Return the same with a tolerance of the step's own; 0 for none."""
        return Target(self.total, self._paths, self._tolerance.of(rtol, atol)) if rtol or atol else self

    def only(self, path: str) -> Target:
        """Return what this path brings, as a target of its own. Raises KeyError where there is no such path."""
        return Target(self._paths[path], {}, self._tolerance)

    def fitting(self, value: Held | None) -> torch.Tensor | None:
        """Return the recorded tensor where it has the very shape and dtype, None otherwise."""
        mine = None if value is None else value.tensor
        fits = mine is not None and mine.shape == self.total.shape and mine.dtype == self.total.dtype
        return mine if fits and mine is not None and mine.layout == torch.strided else None

    def check(self, value: Held | None) -> Check:
        """Compare a recorded value with the total and, where it is wrong, with the sums of some of the paths."""
        if value is None or value.tensor is None:
            return WRONG
        mine = value.tensor
        if self.fitting(value) is not None:
            # The usual case, a good deal faster than compare() and the same: NaN is never below the bound.
            if bool(((mine - self.total).abs() <= self.bound).all()):
                return RIGHT
        elif self._close(mine, self.total):
            return RIGHT
        return self._without_some_paths(mine)

    def _without_some_paths(self, mine: torch.Tensor) -> Check:
        if 2 <= len(self._paths) <= MAX_PATHS:
            for size in range(1, len(self._paths)):
                for left_out in combinations(self._paths, size):
                    parts = (part for name, part in self._paths.items() if name not in left_out)
                    some = sum(parts, torch.zeros_like(self.total))
                    # Paths that add up to nothing are no part of an answer: zeros would be one.
                    if bool((some.abs() > self.bound).any()) and self._close(mine, some):
                        return Check(False, left_out)
        return WRONG

    def _close(self, mine: torch.Tensor, truth: torch.Tensor) -> bool:
        return compare(mine, truth, self._tolerance.rtol, self._atol).approximate
