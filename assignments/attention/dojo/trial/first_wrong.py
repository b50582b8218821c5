"""Say which training step is the first that differs from PyTorch's, and why."""

from __future__ import annotations

import linecache
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..explain.descent import explain_update
from ..explain.update import Update, listed

Tensor = torch.Tensor
Loss = Callable[[list[Tensor], Tensor, Tensor], Tensor]


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


def why_unusable(number: int, question: Question, mine: list[Any], kept: Sequence[Tensor], found: object) -> str | None:
    """Return what makes the numbers of a step not worth a look: no numbers, other tensors, NaN, no answer."""
    changed = [n for n, own, was in zip(question.names, question.own, kept, strict=True) if not torch.equal(own, was)]
    if changed:
        names = listed([f"`{name}`" for name in changed])
        return first(number, question, f"it changes {names} of the notebook, not the tensors that it is given")
    shapes = [tuple(tensor.shape) for tensor in question.start]
    if [tuple(getattr(tensor, "shape", ())) for tensor in mine] != shapes:
        return first(number, question, "it changes the list of parameters, or the shape of one; change their numbers")
    for name, tensor in zip(question.names, mine, strict=True):
        if not torch.isfinite(tensor).all():
            return first(number, question, f"it leaves NaN or inf in `{name}`: look for a division by zero")
    still = all(torch.equal(tensor.detach(), before) for tensor, before in zip(mine, question.start, strict=True))
    if found is None and number == 0 and still:
        return "it changes nothing and returns nothing: call your update, and return the loss"
    if isinstance(found, Tensor | float | int) and not _finite(found):
        return first(number, question, "the loss that it returns is NaN or inf: look for the log of zero")
    return None


def of_the_moves(update: Update) -> str:
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


def of_the_loss(
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
        return first(number, question, "the parameters are right, but it returns nothing: end it with `return loss`")
    if not isinstance(found, float | int) and not (isinstance(found, Tensor) and found.numel() == 1):
        what = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        return first(number, question, f"the parameters are right, but it returns {what} where the loss belongs")
    if not is_off(found, loss, dtype):
        return None
    later = question.loss(after, x, y)
    when = "" if is_off(found, later, dtype) else ": that is the loss after the update"
    said = f"the parameters are right, but it returns {float(found):.4f} where the loss is {float(loss):.4f}{when}"
    return first(number, question, said)


def is_off(found: object, loss: Tensor, dtype: torch.dtype) -> bool:
    """Return whether a step returned a number that is not the loss."""
    if not isinstance(found, float | int) and not (isinstance(found, Tensor) and found.numel() == 1):
        return False
    close = 1e-5 if dtype == torch.float64 else 1e-3
    return not math.isclose(float(found), float(loss), rel_tol=close, abs_tol=close)


def first(number: int, question: Question, sentence: str) -> str:
    """Return the sentence with the number of the step that it is said of, counted from 0."""
    return f"step {number + 1} of {len(question.examples)} differs from PyTorch's: {sentence}"


def _finite(value: Tensor | float) -> bool:
    return bool(torch.isfinite(torch.as_tensor(value)).all())


def line_of(error: BaseException) -> str:
    """Return the line of the student's code that raised, in words; "" where it is not known."""
    trace, line = error.__traceback__, ""
    while trace is not None:
        code = trace.tb_frame.f_code
        if trace.tb_frame.f_globals.get("__name__") == "__main__":  # the notebook's own cells
            text = linecache.getline(code.co_filename, trace.tb_lineno).strip()
            line = f" in `{text}`" if text else line
        trace = trace.tb_next
    return line
