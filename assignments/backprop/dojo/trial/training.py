"""Try a whole training step, forward, backward and update, against PyTorch's, before thousands of them are run."""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import cycle
from typing import Any

import torch

from ..compare import Comparison
from ..explain.descent import explain_update
from ..explain.moves import Move
from ..explain.update import Update, listed
from ..history import one_line
from ..written import is_written, stub_in
from .cases import undisturbed
from .deadline import LateError, deadline

Tensor = torch.Tensor
Step = Callable[..., object]
Loss = Callable[[list[Tensor], Tensor, Tensor], Tensor]

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


@dataclass(frozen=True)
class Question:
    """What is tried. loss: function(parameters, X, Y), the notebook's own forward pass. names: of the parameters.

    start: where they start. own: the notebook's tensors of these names, which no step may change. examples: X and Y
    of each step. rate: the learning rate of the first.
    """

    loss: Loss
    names: tuple[str, ...]
    start: Sequence[Tensor]
    own: Sequence[Tensor]
    examples: Sequence[tuple[Tensor, Tensor]]
    rate: float


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
                    run.reason = _first(number, question, f"it raises {one_line(error)}{_line(error)}")
                    break
                after = [tensor - rate * grad for tensor, grad in zip(right, grads, strict=True)]
                problem = _problem(number, question, mine, kept, found)
                if problem is not None:
                    run.reason = None if run.moves else problem
                    break
                run.maxdiff = max(run.maxdiff, *map(_off, mine, after))
                run.exact = run.exact and run.maxdiff == 0
                each = zip(_flat(right), _flat(grads), _flat(mine), strict=True)
                moves = [Move(number, i, rate, before, grad, now) for i, (before, grad, now) in enumerate(each)]
                wrong = bool(run.moves) or bool(_update(moves, question, dtype).wrong)
                if wrong and not run.moves:
                    run.loss_off = _is_off(found, loss, dtype)
                run.moves += moves if wrong else []
                if wrong and run.elsewhere:
                    own = [tensor.detach().to(dtype) for tensor in question.own]
                    there = _flat(_by_pytorch(question.loss, own, x, y)[1])
                    others = [replace(move, grad=grad) for move, grad in zip(moves, there, strict=True)]
                    run.elsewhere = not _update(others, question, torch.float32).wrong
                if not wrong:
                    run.reason = _of_the_loss(number, question, found, loss, after, x, y, dtype)
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
        why = ELSEWHERE if run.elsewhere else _of_the_moves(_update(run.moves, question, dtype))
        also = "; the loss that it returns is wrong too, so begin with the forward pass" if run.loss_off else ""
        run.reason = _first(run.moves[0].call, question, why + also)
    return run


def _by_pytorch(loss: Loss, right: Sequence[Tensor], x: Tensor, y: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
    leaves = [tensor.clone().requires_grad_() for tensor in right]
    with torch.enable_grad():
        value = loss(leaves, x, y)
    return value.detach(), torch.autograd.grad(value, leaves)


def _problem(number: int, question: Question, mine: list[Any], kept: Sequence[Tensor], found: object) -> str | None:
    """Return what makes the numbers of a step not worth a look: no numbers, other tensors, NaN, no answer."""
    changed = [n for n, own, was in zip(question.names, question.own, kept, strict=True) if not torch.equal(own, was)]
    if changed:
        names = listed([f"`{name}`" for name in changed])
        return _first(number, question, f"it changes {names} of the notebook, not the tensors that it is given")
    shapes = [tuple(tensor.shape) for tensor in question.start]
    if [tuple(getattr(tensor, "shape", ())) for tensor in mine] != shapes:
        return _first(number, question, "it changes the list of parameters, or the shape of one; change their numbers")
    for name, tensor in zip(question.names, mine, strict=True):
        if not torch.isfinite(tensor).all():
            return _first(number, question, f"it leaves NaN or inf in `{name}`: look for a division by zero")
    still = all(torch.equal(tensor.detach(), before) for tensor, before in zip(mine, question.start, strict=True))
    if found is None and number == 0 and still:
        return "it changes nothing and returns nothing: call your update, and return the loss"
    if isinstance(found, Tensor | float | int) and not _finite(found):
        return _first(number, question, "the loss that it returns is NaN or inf: look for the log of zero")
    return None


def _of_the_moves(update: Update) -> str:
    """Return why the parameters do not go where PyTorch's go."""
    explanation = explain_update(update)
    if explanation is not None:
        return explanation.sentence
    wrong = listed([update.name(number) for number in update.wrong])
    if len(update.wrong) == 1:
        return f"only {wrong} does not move as in PyTorch: look at its own gradient"
    right = listed([update.name(number) for number in update.fine]) if update.fine else ""
    are = "are" if len(update.fine) > 1 else "is"
    end = f"{right} {are} right: look at what the gradients of the others share" if right else "none is right"
    return f"{wrong} do not move as in PyTorch; {end}"


def _of_the_loss(
    number: int,
    question: Question,
    found: object,
    loss: Tensor,
    after: list[Tensor],
    x: Tensor,
    y: Tensor,
    dtype: torch.dtype,
) -> str | None:
    """Return why what a step returns is not its loss, where the parameters are right; None where it is."""
    if found is None:
        return _first(number, question, "the parameters are right, but it returns nothing: end it with `return loss`")
    if not isinstance(found, float | int) and not (isinstance(found, Tensor) and found.numel() == 1):
        what = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        return _first(number, question, f"the parameters are right, but it returns {what} where the loss belongs")
    if not _is_off(found, loss, dtype):
        return None
    later = question.loss(after, x, y)
    when = "" if _is_off(found, later, dtype) else ": that is the loss after the update"
    said = f"the parameters are right, but it returns {float(found):.4f} where the loss is {float(loss):.4f}{when}"
    return _first(number, question, said)


def _is_off(found: object, loss: Tensor, dtype: torch.dtype) -> bool:
    if not isinstance(found, float | int) and not (isinstance(found, Tensor) and found.numel() == 1):
        return False
    close = 1e-5 if dtype == torch.float64 else 1e-3
    return not math.isclose(float(found), float(loss), rel_tol=close, abs_tol=close)


def _update(moves: Sequence[Move], question: Question, dtype: torch.dtype) -> Update:
    relative, floor = CLOSE[dtype]
    return Update(tuple(moves), question.names, relative=relative, floor=floor)


def _first(number: int, question: Question, sentence: str) -> str:
    return f"step {number + 1} of {len(question.examples)} differs from PyTorch's: {sentence}"


def _flat(tensors: Sequence[Tensor]) -> list[Tensor]:
    return [tensor.detach().reshape(-1).double() for tensor in tensors]


def _off(mine: Tensor, right: Tensor) -> float:
    return float((mine - right).abs().max())


def _finite(value: Tensor | float) -> bool:
    return bool(torch.isfinite(torch.as_tensor(value)).all())


def _line(error: BaseException) -> str:
    """Return the line of the student's code that raised, in words; "" where it is not known."""
    trace, line = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if trace.tb_frame.f_globals.get("__name__") == "__main__":  # the notebook's own cells
            text = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            line = f" in `{text}`" if text else line
        trace = trace.tb_next
    return line
