"""Why a result that is no gradient is wrong: held against the right one, and against what it was made from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import torch

from .fit import CLOSE_32, CLOSE_64, ENOUGH, distance, largest
from .sentences import Explanation

Tensor = torch.Tensor


def explain_value(found: object, expected: Tensor, names: Mapping[str, Any]) -> Explanation | None:
    """Explain why `found` is not `expected`; None where it is, or no usual mistake fits. Never raises.

    names: the values that it may have been made from: a step that was not taken gives one of them back.
    """
    try:
        with torch.no_grad():
            return next(_guesses(found, expected, names), None)
    except Exception:  # tensors of kinds that do not compute as others do: no sentence
        return None


def _guesses(found: object, expected: Tensor, names: Mapping[str, Any]) -> Iterator[Explanation]:
    if not isinstance(found, Tensor) or found.shape != expected.shape or not torch.isfinite(found).all():
        return
    relative = CLOSE_64 if found.dtype == expected.dtype == torch.float64 else CLOSE_32
    mine, right = found.detach().double(), expected.detach().double()

    def same(one: Tensor, other: Tensor) -> bool:
        return distance(one, other) <= relative * max(largest(one), largest(other))

    if same(mine, right):
        return
    if not mine.any():
        yield _said("zeros", "this is zero everywhere")
        return
    for name, value in names.items():
        if not isinstance(value, Tensor) or value.shape != right.shape or not value.is_floating_point():
            continue
        before = value.detach().double()
        if same(before, right):
            continue
        if same(mine, before):
            yield _said("unchanged", f"this is still `{name}`: nothing has changed it")
        # A step from a tensor: what was added to it is right but for a factor.
        yield from _of_factor(mine - before, right - before, f"what was added to `{name}`", relative)
    yield from _of_factor(mine, right, "this", relative)
    if right.dim() == 2 and right.shape[0] == right.shape[1] and same(mine, right.T):
        yield _said("transpose", "this is the transpose of what is right")
    off = mine - right
    if right.numel() >= ENOUGH and float(off.max() - off.min()) <= relative * largest(right):
        yield _said("offset", "a constant was added, or was left out, everywhere")
    if right.numel() >= ENOUGH and same(mine * right, torch.ones_like(right)):
        yield _said("inverse", "this is one divided by what is right")
    if right.numel() >= ENOUGH and same(mine, right**2):
        yield _said("square", "this is the square of what is right: a square root is missing")
    if right.numel() >= ENOUGH and same(mine**2, right):
        yield _said("root", "this is the square root of what is right: a square is missing")
    yield from _of_places(mine, right, relative)


def _of_factor(mine: Tensor, right: Tensor, what: str, relative: float) -> Iterator[Explanation]:
    """Yield the explanation where one tensor is a constant times the other. what: how a sentence calls it."""
    size = float((right * right).sum())
    if int((right != 0).sum()) < ENOUGH or not size:
        return
    ratio = float((mine * right).sum()) / size
    # A difference of two tensors has the rounding of both.
    if abs(ratio) < 1e-6 or distance(mine, ratio * right) > 10 * relative * max(largest(mine), largest(right)):
        return
    if abs(ratio + 1) < 1e-4:
        yield _said("sign", f"{what} has the wrong sign")
    elif abs(ratio - 1) > 1e-4:
        vague = Explanation("factor", f"{what} is right but for a constant factor", f"factor {what}")
        named = f"{what} is right but for a constant factor, {ratio:.5g}"
        yield Explanation("factor", named, f"factor {what} {ratio:.4g}", (vague,))


def _of_places(mine: Tensor, right: Tensor, relative: float) -> Iterator[Explanation]:
    """Yield the explanation where the first of several parts are right and all later ones are not."""
    if right.dim() == 0 or right.shape[0] < ENOUGH:
        return
    rows = (mine - right).abs().reshape(right.shape[0], -1).amax(1) <= relative * largest(right)
    first = int((~rows).nonzero()[0])
    if first and not rows[first:].any():
        vague = Explanation("later", "right at first, and wrong from some index of the first axis on", "later")
        yield Explanation(
            "later", f"right up to index {first - 1} of the first axis, wrong after it", f"later {first}", (vague,)
        )


def _said(kind: str, sentence: str) -> Explanation:
    return Explanation(kind, sentence, sentence)
