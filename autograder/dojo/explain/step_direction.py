"""Updates that follow something else than the gradient of the tensor, or something beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from .fit import largest
from .moves import Move, Tensor
from .sentences import Explanation
from .update import ENOUGH, Update, combination, least_squares, listed, ratio_of


def anothers_gradient(update: Update) -> Explanation | None:
    """A tensor is moved by the gradient of another."""
    moves = {(move.call, move.number): move for move in update.moves}
    found = {}
    for number in update.wrong:
        mine = [move for move in update.moves if move.number == number]

        def by(other: int, mine: Sequence[Move] = mine) -> bool:
            steps = [moves[move.call, other].right for move in mine]
            fitting = all(s.shape == m.step.shape and update.same(m, s) for m, s in zip(mine, steps, strict=True))
            return fitting and any(bool((step != 0).any()) for step in steps)

        found[number] = next((o for o in dict.fromkeys(m.number for m in update.moves) if o != number and by(o)), None)
    pairs = {number: other for number, other in found.items() if other is not None}
    if len(pairs) < len(found):
        return None
    parts = [f"{update.name(number)} is moved by the gradient of {update.name(o)}" for number, o in pairs.items()]
    rest = "" if update.is_all else "; the others are right"
    sentence = f"{listed(parts)}{rest}"
    return Explanation("other-gradient", sentence, sentence)


def of_the_value(update: Update) -> Explanation | None:
    """The parameter itself is in the place of its gradient, multiplies it, or is replaced by the step."""
    guesses: tuple[tuple[str, Callable[[Move], Tensor]], ...] = (
        ("{} is made of the parameter itself, where its gradient belongs", lambda m: -m.rate * m.before),
        ("{} has the parameter itself as a factor", lambda m: m.right * m.before),
        ("{} replaces the parameter, and is not added to it", lambda m: m.right - m.before),
        ("{} replaces the parameter, and is not subtracted from it", lambda m: -m.right - m.before),
        ("the parameter is replaced by its gradient: {} is `grad - p`", lambda m: m.grad - m.before),
    )
    return next((update.said("value", sentence) for sentence, step in guesses if update.fits(step)), None)


def decays(update: Update) -> Explanation | None:
    """The step shrinks the parameter, beside following its gradient: weight decay."""
    solved = combination(update, lambda m: (-m.rate * m.grad, -m.rate * m.before))
    if solved is None or abs(abs(solved[0]) - 1) > 1e-5 or abs(solved[1]) < 1e-7:
        return None
    if solved[0] < 0:
        said = (
            "the sign is wrong: {} goes up the gradient, and the parameter itself is in the step, which it must not be"
        )
        return update.said("sign", said)
    sign, size = ("plus", solved[1]) if solved[1] > 0 else ("minus", -solved[1])
    sentence = f"{{}} follows the gradient {sign} {size:.4g} times the parameter: a decay that was not asked for"
    return update.said("decay", sentence, "{} follows the gradient and the parameter: a decay that was not asked for")


def of_the_gradient(update: Update) -> Explanation | None:
    """A function of the gradient is in the place of the gradient."""
    guesses: tuple[tuple[str, Callable[[Tensor], Tensor]], ...] = (
        ("{} has only the sign of the gradient, not its size", torch.sign),
        ("{} has only the size of the gradient, not its sign", torch.abs),
        ("{} has the gradient squared", torch.square),
        ("{} has the third power of the gradient", lambda g: g**3),
        ("{} has one divided by the gradient", lambda g: 1 / g),
        ("{} has the tanh of the gradient", torch.tanh),
    )
    for sentence, function in guesses:
        if ratio_of(update, lambda move, function=function: -move.rate * function(move.grad)) is not None:  # type: ignore[misc]
            return update.said("function", sentence)
    return None


def cut_off(update: Update) -> Explanation | None:
    """Gradients that are large are cut off."""
    most = max(float((move.step / move.rate).abs().max()) for move in update.off)
    if not most or not update.fits(lambda move: -move.rate * move.grad.clamp(-most, most)):
        return None
    sentence = f"the gradient is cut off at {most:.4g}: {{}} is shorter where it is larger"
    return update.said("cut-off", sentence, "the gradient is cut off: {} is shorter where it is larger")


def all_alike(update: Update) -> Explanation | None:
    """All elements of a tensor are moved by the same amount: a mean, a sum or a norm, one number for all of them."""
    if sum(len(move.step) for move in update.off) < ENOUGH:
        return None
    for move in update.off:
        spread = float(move.step.max() - move.step.min())
        if spread > update.floor * largest(move.before) + update.relative * largest(move.step):
            return None
    return update.said(
        "alike", "{} is the same for all elements of a tensor: one number, a mean or a sum, stands for its gradient"
    )


def with_momentum(update: Update) -> Explanation | None:
    """A part of the step before is in this one: momentum."""
    before = {(move.call, move.number): move for move in update.moves}
    later = [move for move in update.off if (move.call - 1, move.number) in before]
    guesses: tuple[Callable[[Move, Move], tuple[Tensor, Tensor, Tensor]], ...] = (
        lambda m, b: (m.step / m.rate, -m.grad, b.step / b.rate),
        lambda m, b: (m.step, m.right, b.step),
    )
    for guess in guesses:
        left, *columns = (
            torch.cat(part) for part in zip(*(guess(m, before[m.call - 1, m.number]) for m in later), strict=True)
        )
        solved = least_squares(left, columns, update)
        if solved is not None and abs(solved[1]) > 1e-5:
            vague = "{} holds a part of the step before it: momentum, which was not asked for"
            sentence = f"{{}} holds {solved[1]:.4g} of the step before it: momentum, which was not asked for"
            return update.said("momentum", sentence, vague)
    return None


def with_constant(update: Update) -> Explanation | None:
    """A constant is added everywhere."""
    added = torch.cat([move.step - move.right for move in update.off])
    constant = float(added.mean())
    if not update.fits(lambda move: move.right + constant):
        return None
    vague = "a constant is added to {}"
    return update.said("constant", f"{constant:.4g} is added to {{}}", vague)
