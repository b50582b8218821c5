"""Why an update is not a step of gradient descent: what it has done to known numbers, held against usual mistakes.

A guess must hold for all tensors that are wrong, in every call; the calls have other gradients and other rates.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from .sentences import Explanation
from .step_direction import (
    all_alike,
    anothers_gradient,
    cut_off,
    decays,
    of_the_gradient,
    of_the_value,
    with_constant,
    with_momentum,
)
from .step_length import factor, normalised, of_own_length, over_the_rate, power_of_rate, without_rate, wrong_sign
from .untouched import in_part, left_out, not_in_place
from .update import Guesser, Update

# Of two that fit the first is said: the plainer one.
GUESSERS: tuple[Guesser, ...] = (
    not_in_place,
    left_out,
    wrong_sign,
    without_rate,
    factor,
    over_the_rate,
    power_of_rate,
    anothers_gradient,
    of_the_value,
    of_the_gradient,
    decays,
    all_alike,
    cut_off,
    with_momentum,
    normalised,
    with_constant,
    in_part,
    of_own_length,
)


def explain_update(update: Update) -> Explanation | None:
    """Explain why an update is wrong; None where it is right, or no usual mistake fits. Never raises."""
    try:
        with torch.no_grad():
            if not update.wrong:
                return None
            return next((found for guess in GUESSERS if (found := guess(update)) is not None), None)
    except Exception:  # numbers that do not compute as others do: no sentence
        return None


def agreed_update(updates: Sequence[Update]) -> Explanation | None:
    """Return what is said of an update in all of these cases; None where they differ, or there is none."""
    found = [explain_update(update) for update in updates]
    if not found or found[0] is None:
        return None
    for one in (found[0], *found[0].also):
        if all(each is not None and one.key in {e.key for e in (each, *each.also)} for each in found):
            return one
    return None
