"""Which gradients a right answer may be made from, by the lines of the forward pass alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .gradients import ForwardLine


def behind(
    lines: Iterable[ForwardLine], tensor: str, earlier: Collection[str], marked: Collection[str]
) -> frozenset[str]:
    """Return the tensors whose gradients a right answer for this tensor may be made from.

    They are those that the forward pass makes from it, directly or not; and of those that its step reads beside it, the
    ones whose gradients come before its own in the exercise: a step that does much, such as a loop over time, has
    something in common in all its gradients, which an answer computes once. earlier: the tensors of those that come
    before. marked: all that have a gradient; a step goes as far as the next of them.
    """
    made, step, beside = {tensor}, {tensor}, set[str]()
    for line in lines:
        if not made.isdisjoint(line.uses):
            made.add(line.target)
        if not step.isdisjoint(line.uses):
            beside.update(set(earlier).intersection(line.uses))
            step |= {line.target} - set(marked)
    return frozenset(made | beside) - {tensor}
