"""Updates that follow the gradient, but not by the learning rate: the wrong way, too far, or not far enough."""

from __future__ import annotations

from collections.abc import Callable

from .moves import Move, Tensor
from .sentences import Explanation
from .update import Update, ratio_of
from .update_code import numbers_in

POWERS = {
    2.0: "the learning rate squared",
    0.5: "the square root of the learning rate",
}


def wrong_sign(update: Update) -> Explanation | None:
    """The step goes uphill."""
    return update.said("sign", "{} has the wrong sign: it goes uphill") if update.fits(lambda m: -m.right) else None


def over_the_rate(update: Update) -> Explanation | None:
    """The gradient is divided by the learning rate."""
    ratio = ratio_of(update, lambda move: -move.grad / move.rate)
    sign = "the sign is wrong, and " if ratio is not None and ratio < 0 else ""
    return None if ratio is None else update.said("rate", f"{sign}{{}} is divided by the learning rate, not multiplied")


def without_rate(update: Update) -> Explanation | None:
    """The learning rate is forgotten, or is a number of the function's own, whatever is given."""
    ratio = ratio_of(update, lambda move: -move.grad)
    if ratio is None:
        return None
    sign = "the sign is wrong, and " if ratio < 0 else ""
    if abs(abs(ratio) - 1) < 1e-5:
        return update.said("rate", f"{sign}{{}} is the whole gradient: the learning rate is forgotten")
    sentence = f"{sign}{{}} is {abs(ratio):.4g} times the gradient, whatever learning rate is given"
    return update.said("rate", sentence, f"{sign}{{}} has a rate of its own, whatever learning rate is given")


def factor(update: Update) -> Explanation | None:
    """The step is right but for a constant factor, which the code may have a name for."""
    ratio = ratio_of(update, lambda move: move.right)
    if ratio is None:
        return None
    sign = "the sign is wrong, and " if ratio < 0 else ""
    size = max(abs(ratio), 1 / abs(ratio))
    how = "large" if abs(ratio) > 1 else "small"
    if size < 1 + 1e-5:
        return None  # the sign alone
    if abs(abs(ratio) - 2) < 1e-5:
        return update.said("factor", f"{sign}{{}} is twice as long as it should be")
    named = numbers_in(update.function, update.values) if update.function is not None else ()
    text = next((text for text, value in named if abs(size / value - 1) < 1e-5), None)
    if text is not None:
        return update.said("factor", f"{sign}{{}} is too {how} by the factor `{text}`")
    vague = f"{sign}{{}} is too {how} by a constant factor"
    return update.said("factor", f"{sign}{{}} is too {how} by the factor {size:.5g}", vague)


def power_of_rate(update: Update) -> Explanation | None:
    """The learning rate comes in squared, or as its root."""
    for power, words in POWERS.items():
        ratio = ratio_of(update, lambda move, power=power: -(move.rate**power) * move.grad)  # type: ignore[misc]
        if ratio is not None:
            sign = "the sign is wrong, and " if ratio < 0 else ""
            but = "" if abs(abs(ratio) - 1) < 1e-5 else ", times a constant"
            return update.said("rate", f"{sign}{{}} has {words} in the place of the rate{but}")
    return None


def normalised(update: Update) -> Explanation | None:
    """The gradient is divided by its norm, or all gradients by that of all of them."""
    whole = {
        call: sum(m.norm**2 for m in update.moves if m.call == call) ** 0.5 for call in {m.call for m in update.moves}
    }
    guesses: tuple[tuple[str, Callable[[Move], Tensor]], ...] = (
        ("{} does not grow with the gradient, which is divided by its norm", lambda m: m.right / m.norm),
        ("{} does not grow with the gradients: all are divided by one norm", lambda m: m.right / whole[m.call]),
    )
    return next((update.said("norm", s) for s, step in guesses if ratio_of(update, step) is not None), None)


def of_own_length(update: Update) -> Explanation | None:
    """The step follows the gradient, but its length is another for each tensor, or is no usual one."""
    factors: dict[int, list[float]] = {}
    for move in update.off:
        size = float((move.grad * move.grad).sum())
        ratio = float((move.step * -move.grad).sum()) / size if size else 0.0
        if len(move.grad) < 3 or ratio <= 0 or not update.same(move, -ratio * move.grad):
            return None
        factors.setdefault(move.number, []).append(ratio / move.rate)
    if len(factors) > 1 and all(max(each) - min(each) < 1e-4 * max(each) for each in factors.values()):
        return update.said("length", "{} is off by a factor, and by another one for each tensor: does a size come in?")
    return update.said("length", "{} follows the gradient, but its length is not the learning rate times it")
