"""Try a whole training step, forward, backward and update, against PyTorch's, before thousands of them are run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle

import torch

from ..compare import Comparison
from ..explain.moves import Move
from ..explain.update import Update
from ..history import one_line
from ..written import is_written, stub_in
from .cases import undisturbed
from .deadline import LateError, deadline
from .first_wrong import Loss, Question, first, is_off, line_of, of_the_loss, of_the_moves, why_unusable

Tensor = torch.Tensor
Step = Callable[..., object]

SECONDS = 6.0
CALLS = 4  # of a wrong step, so that what is said of it holds for other examples and other rates
RATES = (1.0, 0.61, 0.23, 0.89)  # of the training's own rate; a step that does not use the one it is given is seen
# How far two right formulas may be apart: relative to the step, and to what was there before it. In float64 it leaves
# room for a few numbers that the student's code holds in float32.
CLOSE = {torch.float64: (2e-6, 1e-12), torch.float32: (2e-3, 5e-7)}


ELSEWHERE = (
    "its gradients are those of the notebook's own parameters, not of the ones that it is given: unpack them first"
)


@dataclass(frozen=True)
class Tried:
    """How the trial of a step ended. done: how many steps agree. reason: why it is wrong; None where it is right.

    todo: nothing has been written so far.
    """

    comparison: Comparison
    done: int
    reason: str | None = None
    todo: bool = False

    @property
    def right(self) -> bool:
        """Whether all steps that were tried agree."""
        return self.reason is None


@dataclass
class _Run:
    """A run in one precision. moves: of the steps from the first wrong one on, at most CALLS of them."""

    done: int = 0
    exact: bool = True
    maxdiff: float = 0.0
    moves: list[Move] = field(default_factory=list)
    reason: str | None = None
    narrow: bool = False
    loss_off: bool = False  # whether the loss of the first wrong step is wrong too
    elsewhere: bool = True  # whether each wrong step is right for the notebook's own parameters


def tried(step: Step, question: Question) -> Tried:
    """Try a step on every example, each from the parameters that PyTorch has there; stop at the first that differs.

    step: function(parameters, X, Y, lr), which changes the parameters in place and returns the loss. Nothing of the
    notebook is changed, and nothing is printed.
    """
    if not is_written(step):
        return Tried(Comparison(False, False, None, "todo"), 0, "still to do", todo=True)
    run = _run(step, question, torch.float64)
    if run.narrow:  # the code itself says float32
        run = _run(step, question, torch.float32)
    maxdiff = float(f"{run.maxdiff:.3g}")  # the line fits into half a screen
    comparison = Comparison(run.reason is None and run.exact, run.reason is None, maxdiff)
    stub = None if run.reason is None else stub_in(step)
    return Tried(comparison, run.done, run.reason if stub is None else f"it calls `{stub}`, which is still to do")


def _run(step: Step, question: Question, dtype: torch.dtype) -> _Run:
    run = _Run()
    kept = [tensor.detach().clone() for tensor in question.own]
    right = [tensor.detach().to(dtype).clone() for tensor in question.start]
    rates = cycle(RATES)
    try:
        with undisturbed(dtype), torch.no_grad(), deadline(SECONDS):
            for number, example in enumerate(question.examples):
                x, y = (value.to(dtype) if value.is_floating_point() else value for value in example)
                rate = question.rate * next(rates)
                loss, grads = _by_pytorch(question.loss, right, x, y)
                mine = [tensor.clone() for tensor in right]
                try:
                    found = step(mine, x.clone(), y.clone(), rate)
                except Exception as error:
                    if run.moves:
                        break
                    run.narrow = dtype == torch.float64 and any(w in str(error) for w in ("dtype", "Float", "Double"))
                    run.reason = first(number, question, f"it raises {one_line(error)}{line_of(error)}")
                    break
                after = [tensor - rate * grad for tensor, grad in zip(right, grads, strict=True)]
                unusable = why_unusable(number, question, mine, kept, found)
                if unusable is not None:
                    run.reason = None if run.moves else unusable
                    break
                run.maxdiff = max(run.maxdiff, *map(_off, mine, after))
                run.exact = run.exact and run.maxdiff == 0
                each = zip(_flat(right), _flat(grads), _flat(mine), strict=True)
                moves = [Move(number, i, rate, before, grad, now) for i, (before, grad, now) in enumerate(each)]
                wrong = bool(run.moves) or bool(_update(moves, question, dtype).wrong)
                if wrong and not run.moves:
                    run.loss_off = is_off(found, loss, dtype)
                run.moves += moves if wrong else []
                if wrong and run.elsewhere:
                    own = [tensor.detach().to(dtype) for tensor in question.own]
                    there = _flat(_by_pytorch(question.loss, own, x, y)[1])
                    others = [replace(move, grad=grad) for move, grad in zip(moves, there, strict=True)]
                    run.elsewhere = not _update(others, question, torch.float32).wrong
                if not wrong:
                    run.reason = of_the_loss(number, question, found, loss, after, x, y, dtype)
                    if run.reason is not None:
                        break
                    run.done += 1
                elif len(run.moves) == CALLS * len(right):
                    break
                right = after
    except LateError:
        if not run.done and not run.moves and run.reason is None:
            run.reason = f"it takes too long: its first step has not ended after {SECONDS:g} seconds"
    finally:
        with torch.no_grad():
            for tensor, value in zip(question.own, kept, strict=True):
                if not torch.equal(tensor, value):
                    tensor.copy_(value)
    if run.moves and run.reason is None:
        why = ELSEWHERE if run.elsewhere else of_the_moves(_update(run.moves, question, dtype))
        also = "; the loss that it returns is wrong too, so begin with the forward pass" if run.loss_off else ""
        run.reason = first(run.moves[0].call, question, why + also)
    return run


def _by_pytorch(loss: Loss, right: Sequence[Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    leaves = [tensor.clone().requires_grad_() for tensor in right]
    with torch.enable_grad():
        value = loss(leaves, x, y)
    return value.detach(), torch.autograd.grad(value, leaves)


def _update(moves: Sequence[Move], question: Question, dtype: torch.dtype) -> Update:
    relative, floor = CLOSE[dtype]
    return Update(tuple(moves), question.names, relative=relative, floor=floor)


def _flat(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach().reshape(-1).double() for tensor in tensors]


def _off(mine: Tensor, right: Tensor) -> float:
    return float((mine - right).abs().max())
