"""The rule for when a mistake fits: its numbers are those found, closer than rounding makes two different formulas.

The thresholds here and in the modules above are a compromise: wider ones name more causes, and wrong ones among
them. `make bench-explain` prints for how many of two thousand wrong answers the true cause is named, another or none;
`make test-marks` holds that no right answer gets a sentence. Run both before and after a change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch

Tensor = torch.Tensor

# How far two tensors may be apart, relative to the largest element, and still be the same formula.
CLOSE_64, CLOSE_32 = 1e-9, 2e-5
RIGHT_32 = 3e-6  # the same for a right formula in float32, beyond which it is called wrong
ROUNDING = 1e-6  # the same for a factor of 1 and for a tensor that is constant
BETTER = 20  # a mistake must fit this many times better than the true gradient does
SUMS = ("wrong-axis", "not-summed")  # kinds whose guesses may be a single number: a sum over all axes
ENOUGH = 3  # with fewer non-zero elements a scalar fit proves nothing
# The most elements that are looked at, and how many times as many as the largest tensor beside them has.
LOOKED_AT, TIMES = 2**16, 16


@dataclass(frozen=True)
class Guess:
    """A mistake that may have been made, with the gradient that it would give.

    kind: of mistake, in one word. sentence: what the student is told; "{}" in it stands for a factor. value: the
    gradient it gives, in float64. any_factor: a constant multiple of the value is the same mistake.
    """

    kind: str
    sentence: str
    value: Tensor
    any_factor: bool = False


@dataclass(frozen=True)
class Close:
    """How close two tensors must be. relative: to the largest element of the guess. most: in any case, absolute."""

    relative: float
    most: float

    def fits(self, mine: Tensor, guess: Guess) -> bool:
        """Return whether `mine`, the gradient that was found, is the one that this mistake gives.

        With fewer than ENOUGH elements other than zero, only sums can fit in float32: anything else may be chance.
        """
        value = guess.value
        if guess.kind in SUMS and value.dim() == 0:
            value = value.expand(mine.shape)
        if not serves(mine, value) or not torch.isfinite(value).all():
            return False
        enough = int((value != 0).sum()) >= ENOUGH
        if not enough and self.relative > CLOSE_64 and guess.kind not in SUMS:
            return False
        if guess.any_factor and enough:
            # A tensor that is constant would be a multiple of any other that is.
            if float(value.max() - value.min()) > ROUNDING * largest(value):
                value = value * multiple(mine, value)
            elif guess.kind not in SUMS:
                return False
        return bool(value.any()) and self.same(mine, value)

    def same(self, mine: Tensor, value: Tensor) -> bool:
        """Return whether the two tensors, of shapes that broadcast, are one formula up to rounding."""
        return distance(mine, value) <= min(self.relative * largest(value), self.most)


def made_of(values: Tensor, others: Tensor, slack: float) -> bool:
    """Return whether each of some values is one of the others, up to `slack`."""
    if not values.numel() or not others.numel():
        return False
    ordered = others.flatten().sort().values
    at = torch.searchsorted(ordered, values.flatten().contiguous()).clamp(max=len(ordered) - 1)
    near = torch.minimum((ordered[at] - values).abs(), (ordered[(at - 1).clamp(min=0)] - values).abs())
    return bool((near <= slack).all())


def multiple(mine: Tensor, value: Tensor) -> float:
    """Return the factor c for which c * value is closest to `mine`, by least squares."""
    return float((mine * value).sum() / (torch.ones_like(mine) * value * value).sum())


def is_multiple(mine: Tensor, value: Tensor) -> bool:
    """Return whether a tensor is another one of its shape times a constant, up to rounding."""
    same = value * multiple(mine, value)
    return same.shape == mine.shape and distance(mine, same) <= ROUNDING * largest(mine)


def serves(mine: Tensor, total: Tensor) -> bool:
    """Return whether the two broadcast together to no more elements than the second has."""
    try:
        return (mine.expand_as(total) if mine.dim() <= total.dim() else total.expand_as(mine)).numel() == total.numel()
    except RuntimeError:
        return False


def is_far_larger(found: Tensor, value: Tensor, others: Iterable[Tensor]) -> bool:
    """Return whether `found`, or what it makes together with `value`, has far more elements than all of these.

    A usual mistake leaves out a sum at most; to subtract ones(200000, 1, 1) from a tensor of (32, 27) takes 3 GB.
    """
    most = max(LOOKED_AT, TIMES * max(map(torch.numel, (value, *others))))
    try:
        # Not torch.broadcast_shapes, which imports sympy.
        together = int(torch.broadcast_tensors(found, value)[0].numel())  # type: ignore[no-untyped-call]
    except RuntimeError:
        together = 0
    return max(found.numel(), together) > most


def distance(mine: Tensor, value: Tensor) -> float:
    """Return the largest absolute difference, 0 for tensors without elements."""
    return float((mine - value).abs().max()) if value.numel() else 0.0


def largest(value: Tensor) -> float:
    """Return the largest absolute value, 0 for a tensor without elements."""
    return float(value.abs().max()) if value.numel() else 0.0
