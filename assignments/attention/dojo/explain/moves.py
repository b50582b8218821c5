"""Try an update on random numbers, and write down what every tensor was before and after it.

An update changes tensors by their gradients and a learning rate. Losses say that one is wrong; what it has done to
numbers that are known says why (descent.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch

Tensor = torch.Tensor

SEED = 5
# No two of them, their squares or their inverses are equal, or one a simple multiple of another.
RATES = (0.37, 0.113, 0.0571, 0.229)
SAMPLE = 64  # elements of each tensor that are written down, so that 12,000 parameters do not fill a megabyte
MOST = 100  # tensors of a table that is read; a stranger may have made it
COLUMNS = 8  # call, number, rate, norm of the gradient; before, gradient, after, returned


@dataclass(frozen=True)
class Move:
    """What one call did to one tensor.

    call, number: of the call and of the tensor in its list, from 0. rate: the learning rate. before, grad, after: the
    tensor and its gradient as the call got them, and the tensor when it had ended; (k,) for k of its elements.
    norm: of the whole gradient. returned: the same elements of what was returned in its place; None where nothing was.
    """

    call: int
    number: int
    rate: float
    before: Tensor
    grad: Tensor
    after: Tensor
    norm: float = math.nan
    returned: Tensor | None = None

    @property
    def step(self) -> Tensor:
        """What was added to the tensor."""
        return self.after - self.before

    @property
    def right(self) -> Tensor:
        """What gradient descent adds to it."""
        return -self.rate * self.grad


def moves_of(update: Callable[..., object], parameters: Sequence[Tensor]) -> Tensor | None:
    """Call an update some times in a row; return what it did as a table (rows, COLUMNS), for `read`.

    update: function(parameters, grads, lr). It gets tensors of the shapes of `parameters` with random numbers, never
    these themselves. Returns None where it raises.
    """
    source = torch.Generator().manual_seed(SEED)

    def random() -> list[Tensor]:
        return [torch.randn(p.shape, generator=source, dtype=torch.float64) for p in parameters]

    mine, rows = random(), []
    try:
        with torch.no_grad():
            for call, rate in enumerate(RATES):
                grads, before = random(), [p.clone() for p in mine]
                returned = update(mine, [grad.clone() for grad in grads], rate)
                for number, grad in enumerate(grads):
                    about = torch.tensor([call, number, rate, float(grad.norm())], dtype=torch.float64)
                    back = _returned(returned, number, grad)
                    each = [_sample(value, grad) for value in (before[number], grad, mine[number], back)]
                    rows.append(torch.cat([about.expand(len(each[0]), 4), torch.stack(each, 1)], 1))
    except Exception:  # it raises in the run that is marked too, and is told so there
        return None
    return torch.cat(rows) if rows else None


def read(table: object) -> tuple[Move, ...]:
    """Return the moves in a table of `moves_of`; () for anything else. A stranger may have made the table."""
    if not isinstance(table, Tensor) or table.dim() != 2 or table.shape[1] != COLUMNS or not table.is_floating_point():
        return ()
    if len(table) > len(RATES) * SAMPLE * MOST or not torch.isfinite(table[:, :7]).all():
        return ()
    found = []
    _, sizes = torch.unique_consecutive(table[:, :2], dim=0, return_counts=True)
    if len(sizes) > len(RATES) * MOST:
        return ()
    for rows in torch.split(table.detach().double(), sizes.tolist()):
        call, number, rate, norm = rows[0, :4].tolist()
        before, grad, after, returned = rows[:, 4:].unbind(1)
        back = returned if torch.isfinite(returned).all() else None
        found.append(Move(int(call), int(number), rate, before, grad, after, norm, back))
    return tuple(found)


def _returned(returned: object, number: int, like: Tensor) -> Tensor:
    """Return the tensor that was returned in the place of one; NaN where there is none of its shape."""
    if isinstance(returned, list | tuple) and number < len(returned):
        value = returned[number]
        if isinstance(value, Tensor) and value.shape == like.shape:
            return value
    return torch.full_like(like, math.nan)


def _sample(value: Tensor, like: Tensor) -> Tensor:
    """Return some elements of a tensor, evenly spread, in float64. Raises ValueError where its shape has changed."""
    if value.shape != like.shape:
        raise ValueError("another shape")
    flat = value.detach().reshape(-1).double()
    return flat[torch.linspace(0, len(flat) - 1, min(SAMPLE, len(flat))).long()]
