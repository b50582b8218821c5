"""When two tensors are the same formula: closer than rounding makes two different ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch

Tensor = torch.Tensor

# How far numbers may be apart, relative to the largest, and still be the same formula.
CLOSE_64, CLOSE_32 = 1e-9, 2e-5
RIGHT_32 = 3e-6  # what rounding leaves of a right formula in float32
ROUNDING = 1e-6
BETTER = 20  # a mistake must fit this much better than the truth does
SUMS = ("wrong-axis", "not-summed")
ENOUGH = 3  # numbers other than zero, below which anything is a multiple of anything


@dataclass(frozen=True)
class Guess:
    """kind: of mistake. sentence: what is said of it. value: what one would hold. any_factor: up to a factor."""

    kind: str
    sentence: str
    value: Tensor
    any_factor: bool = False


@dataclass(frozen=True)
class Close:
    """relative: to the largest element. most: in any case."""

    relative: float
    most: float

    def fits(self, mine: Tensor, guess: Guess) -> bool:
        """Whether the guess has these numbers."""
        value = guess.value
        if guess.kind in SUMS and value.dim() == 0:
            value = value.expand(mine.shape)
        if not serves(mine, value) or not torch.isfinite(value).all():
            return False
        enough = int((value != 0).sum()) >= ENOUGH
        if not enough and self.relative > CLOSE_64 and guess.kind not in SUMS:
            return False
        if guess.any_factor and enough:
            # What is the same everywhere is a multiple of much else.
            if float(value.max() - value.min()) > ROUNDING * largest(value):
                value = value * multiple(mine, value)
            elif guess.kind not in SUMS:
                return False
        return bool(value.any()) and self.same(mine, value)

    def same(self, mine: Tensor, value: Tensor) -> bool:
        """Whether the two are one formula."""
        return distance(mine, value) <= min(self.relative * largest(value), self.most)


def multiple(mine: Tensor, value: Tensor) -> float:
    """By what the one is a multiple of the other, if it is."""
    return float((mine * value).sum() / (torch.ones_like(mine) * value * value).sum())


def serves(mine: Tensor, total: Tensor) -> bool:
    """Whether the two broadcast together to no more elements than the second has."""
    try:
        return (mine.expand_as(total) if mine.dim() <= total.dim() else total.expand_as(mine)).numel() == total.numel()
    except RuntimeError:
        return False


def distance(mine: Tensor, value: Tensor) -> float:
    """The largest absolute difference."""
    return float((mine - value).abs().max()) if value.numel() else 0.0


def largest(value: Tensor) -> float:
    """The largest absolute value."""
    return float(value.abs().max()) if value.numel() else 0.0
