"""What an update leaves as it was: all tensors, some of them, or a part of one."""

from __future__ import annotations

import torch

from .moves import Move
from .sentences import Explanation
from .update import Update, listed
from .update_code import copied, ends_early, outside, rebound, works_on

IN_PLACE = "change them in place, such as `p -= ...`"


def not_in_place(update: Update) -> Explanation | None:
    """Nothing is changed: the new tensors are returned, or only given a name; a copy is changed, or something else."""
    if not all(torch.equal(move.before, move.after) for move in update.moves):
        return None
    code, stay = update.function, f"the tensors that are given stay as they were: {IN_PLACE}"
    back = [move.returned - move.before for move in update.moves if move.returned is not None]
    if len(back) == len(update.moves) and all(
        update.same(Move(m.call, m.number, m.rate, m.before, m.grad, m.before + step), m.right)
        for m, step in zip(update.moves, back, strict=True)
    ):
        return Explanation("not-in-place", f"it returns the right numbers in new tensors, and {stay}", "returned")
    line = None if code is None else rebound(code)
    if line is not None:
        sentence = f"`{line[0]}` gives the name {line[1]} to something new; {stay}"
        return Explanation("not-in-place", sentence, "rebound")
    if code is not None and (other := outside(code, update.names)):
        sentence = f"it changes {listed(f'`{n}`' for n in other)} of the notebook, not the tensors that it is given"
        return Explanation("outside", sentence, "outside")
    copy = None if code is None else copied(code)
    if copy is not None and code is not None and works_on(code):
        return Explanation("copy", f"it changes a copy, made by `{copy}`; {stay}", "copy")
    return Explanation("unchanged", f"it changes nothing: {stay}", "unchanged")


def left_out(update: Update) -> Explanation | None:
    """Some tensors stay as they were, and the others are right."""
    if update.is_all or not all(torch.equal(move.before, move.after) for move in update.off):
        return None
    names = listed(map(update.name, update.wrong))
    early = None if update.function is None else ends_early(update.function)
    if early is not None and update.fine == (0,):
        sentence = f"only {update.name(0)} is changed: the `{early}` in the loop ends it after its first turn"
        return Explanation("early", sentence, sentence)
    are = "are" if len(update.wrong) > 1 else "is"
    sentence = f"{names} {are} left as {'they were' if are == 'are' else 'it was'}; the others are right"
    return Explanation("left-out", sentence, sentence)


def in_part(update: Update) -> Explanation | None:
    """Some elements of a tensor stay as they were, and all others are right."""
    some = False
    for move in update.off:
        still = move.after == move.before
        if not update.same(move, torch.where(still, torch.zeros_like(move.right), move.right)):
            return None
        some = some or bool(still.any())
    return update.said("part", "{} reaches a part of the elements only") if some else None
