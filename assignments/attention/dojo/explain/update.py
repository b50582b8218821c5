"""An update that is wrong, with all that is known of it: what the guessers of explain/descent.py are asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from .fit import largest
from .moves import Move, Tensor
from .sentences import Explanation
from .update_code import Function

SEEN = 100  # a step this many times larger than rounding can be told from none
ENOUGH = 20  # numbers of all tensors together, without which a coefficient proves nothing


@dataclass(frozen=True)
class Update:
    """An update that is wrong. What guessers are asked.

    moves: what it did, to every tensor in every call. names: of the tensors. function: its code, where that is known.
    values: the variables of the notebook. relative, floor: how far two equal steps may be apart, relative to the step
    and to what was there before it.
    """

    moves: tuple[Move, ...]
    names: tuple[str, ...]
    function: Function | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    relative: float = 1e-6
    floor: float = 2e-7

    def same(self, move: Move, step: Tensor) -> bool:
        """Return whether this is the step that was taken, up to rounding."""
        close = self.relative * largest(step) + self.floor * largest(move.before)
        return bool((move.step - step).abs().max() <= close)

    @cached_property
    def wrong(self) -> tuple[int, ...]:
        """The numbers of the tensors that were not moved as they should be, in some call."""
        return tuple(sorted({m.number for m in self.moves if not self.same(m, m.right)}))

    @cached_property
    def fine(self) -> tuple[int, ...]:
        """The numbers of the tensors that were moved as they should be, and not just by nothing.

        Where a gradient is zero but for rounding, nothing can be seen of what the update makes of it.
        """
        seen = {m.number for m in self.moves if largest(m.right) > SEEN * self.floor * largest(m.before)}
        return tuple(sorted(seen - set(self.wrong)))

    @cached_property
    def off(self) -> tuple[Move, ...]:
        """All moves of these tensors."""
        return tuple(move for move in self.moves if move.number in self.wrong)

    @cached_property
    def is_all(self) -> bool:
        """Whether all tensors are wrong of which anything can be seen."""
        return not self.fine

    def fits(self, step: Callable[[Move], Tensor]) -> bool:
        """Return whether every wrong tensor was moved by this step in every call, and the step is not zero."""
        steps = [step(move) for move in self.off]
        moved = sum(int((each != 0).sum()) for each in steps)
        return moved >= ENOUGH and all(self.same(move, each) for move, each in zip(self.off, steps, strict=True))

    def name(self, number: int) -> str:
        """Return what a sentence calls a tensor."""
        return f"`{self.names[number]}`" if number < len(self.names) else f"tensor {number}"

    def said(self, kind: str, sentence: str, vague: str = "") -> Explanation:
        """Return an explanation of what was done to the wrong tensors; {} stands for the step, or the step of some.

        vague: the same without what may differ from case to case.
        """
        rest = "" if self.is_all else "; the others are right"
        where = "the step" if self.is_all else f"the step of {listed(map(self.name, self.wrong))}"
        full, less = (text.format(where) + rest for text in (sentence, vague or sentence))
        also = (Explanation(kind, less, less),) if vague else ()
        return Explanation(kind, full, full, also)


Guesser = Callable[[Update], Explanation | None]


def listed(names: Iterable[str]) -> str:
    """Return names as in a sentence: `C`, `W1` and `b1`."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def ratio_of(update: Update, step: Callable[[Move], Tensor]) -> float | None:
    """Return the one factor by which all wrong moves are this step; None where there is none."""
    solved = combination(update, lambda move: (step(move),))
    return None if solved is None or abs(solved[0]) < 1e-9 else solved[0]


def combination(update: Update, steps: Callable[[Move], tuple[Tensor, ...]]) -> list[float] | None:
    """Return the factors by which all wrong moves are a sum of these steps; None where there are none."""
    if not update.off:
        return None
    columns = [torch.cat(part) for part in zip(*map(steps, update.off), strict=True)]
    return least_squares(torch.cat([move.step for move in update.off]), columns, update)


def least_squares(left: Tensor, columns: Sequence[Tensor], update: Update) -> list[float] | None:
    """Return the factors by which `left` is a sum of the columns, up to rounding; None where it is none."""
    matrix = torch.stack(list(columns), 1)
    if len(left) < ENOUGH or not torch.isfinite(matrix).all() or not left.any():
        return None
    # Not torch.linalg, which is another library to load: two unknowns at most.
    normal, right = matrix.T @ matrix, matrix.T @ left
    if matrix.shape[1] == 1:
        solved = right / normal[0]
    else:
        (a, b), (_, d) = normal.tolist()
        if (det := a * d - b * b) <= 1e-9 * a * d:
            return None
        solved = torch.tensor([d * right[0] - b * right[1], a * right[1] - b * right[0]], dtype=left.dtype) / det
    close = 10 * (update.relative * largest(left) + update.floor)
    return solved.tolist() if bool((matrix @ solved - left).abs().max() <= close) else None
