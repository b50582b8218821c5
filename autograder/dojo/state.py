"""Tell the notebook's state from a mistake: values that were made before something else was run again.

Each sentence names what is out of date and the cell to run again; after that it is gone.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import torch

from .gradients import ForwardLine
from .history import Cell
from .trial.answer import Piece, beside, leans, mixed, needed_pieces, own_pieces
from .trial.cases import Case, undisturbed
from .trial.code import defined_names, grads_read
from .trial.run import run
from .trial.statement import makes

SAME = 1e-4  # relative to the largest element: what another order of adding up in float32 may change
AGAIN = "run the forward cell and the cell with loss.backward() again, then your cells from the loss on"


def of_the_forward_pass(
    names: Mapping[str, Any],
    lines: Sequence[ForwardLine],
    forward: Cell,
    setup: Sequence[Cell],
    pieces: Sequence[Piece],
    cells: Mapping[int, Cell],
) -> str | None:
    """Return a sentence where the values of the forward pass are no longer what its cell makes; None where they are."""
    with undisturbed(torch.get_default_dtype()), torch.no_grad():
        held = [_holds(names, lines, number) for number in range(len(lines))]
    made: set[str] = set()
    for line, holds in zip(lines[:-1], held[:-1], strict=True):  # what is done with the loss itself harms nothing
        made.add(line.target)
        if holds:
            continue
        later = [cell for cell in setup if cell.number > forward.number]
        if later:
            return f"{later[0].called} was run again after the forward pass, so its values are others: {AGAIN}"
        for name in (line.target, *sorted(set(line.uses) - made)):
            by = next((cells[piece.cell] for piece in reversed(pieces) if _makes(piece, name)), None)
            if by is None:
                continue
            makers = (cell.called for cell in reversed(setup) if name in defined_names(cell.source))
            whose, cure = "the forward pass", AGAIN
            if name != line.target:
                whose, cure = "the notebook", f"run {next(makers, 'the cell that makes it')} again"
            return f"`{name}` belongs to {whose}, and {by.called} changes it: use another name there; {cure}"
        return f"`{line.target}` is no longer what the forward pass made: {AGAIN}"
    return None


def of_the_backward_pass(backward: Cell | None) -> str | None:
    """Return a sentence where the cell with loss.backward() raised because it was run again; None where it did not."""
    if backward is None or backward.error is None or "backward through the graph a second time" not in backward.error:
        return None
    return f"{backward.called} was run again, and its graph is gone by then: run the forward cell, and then it once"


def _makes(piece: Piece, name: str) -> bool:
    """Return whether a piece makes a name or changes it in place; what a function does with its own does not count."""
    return name in piece.defines and any(makes(node, {name}) for node in ast.parse(piece.source).body)


def _holds(names: Mapping[str, Any], lines: Sequence[ForwardLine], number: int) -> bool:
    """Return whether a line's target still has the value that the line makes; also where that cannot be told.

    What a loop assigns again has the value that the loop leaves; it begins with what the lines before it made.
    """
    line = lines[number]
    if any(later.target == line.target for later in lines[number + 1 :]):
        return True
    there = names.get(line.target)
    of_loop = {other.target for other in lines if other.source == line.source}
    first = [other for other in lines[:number] if other.target in of_loop and other.source != line.source]
    used = frozenset().union(*(each.uses for each in (line, *first)))
    here = {name: v.detach() if isinstance(v, torch.Tensor) else v for name, v in names.items() if name in used}
    here = {name: value for name, value in here.items() if name not in of_loop}  # a list would grow
    try:
        for each in (*first, line):
            exec(each.source, here)
        made = here[line.target]
        if not isinstance(made, torch.Tensor):
            return True
        return isinstance(there, torch.Tensor) and _same(there.detach(), made)
    except Exception:  # it ran once, with other values
        return False


def of_the_step(
    name: str,
    found: object,
    names: Mapping[str, Any],
    pieces: Sequence[Piece],
    variables: Mapping[str, str],
    cells: Mapping[int, Cell],
    known: Collection[str],
    agrees: bool,
) -> tuple[str | None, tuple[Piece, ...]]:
    """Return (a sentence where a d-variable does not hold what its cells make of the present values, its pieces).

    known: the names that setup and forward pass make. agrees: whether it is PyTorch's gradient all the same.
    """
    own = own_pieces(pieces, name)
    if not own:
        return None, ()
    for tried in (own, beside(pieces, own)):
        holds = _up_to_date(name, found, names, pieces, tried, variables, known, agrees)
        if holds is None and (raised := _raised(own, cells)) is not None:
            return raised, own
        if holds or holds is None:
            return None, tried
    # What it uses may hold an earlier gradient under another name, as it was before its last path was added.
    if leans(pieces, own, variables, known) and _up_to_date(
        name, found, names, pieces, own, variables, known, agrees, together=True
    ):
        return None, own
    return _why(name, pieces, own, variables, cells, agrees), own


def _why(
    name: str,
    pieces: Sequence[Piece],
    own: Sequence[Piece],
    variables: Collection[str],
    cells: Mapping[int, Cell],
    agrees: bool,
) -> str | None:
    if (raised := _raised(own, cells)) is not None:
        return raised
    first, last = cells[own[0].cell], cells[own[-1].cell]
    for piece in own[1:]:
        cell = cells[piece.cell]
        times = sum(number > first.number for number in cell.runs)
        if cell is not first and times > 1:
            return (
                f"{cell.called} was run {times} times and added to `{name}` each time: run {first.called} again, "
                "then it once"
            )
    for other in variables:
        made = own_pieces(pieces, other)
        if made and other in frozenset().union(*(piece.uses for piece in own)) and made[-1].cell > own[-1].cell:
            return f"`{other}` was made anew after `{name}`: run {last.called} again"
    if agrees:  # what it was made from has been changed in place since, by a later step that shares its memory
        return None
    again = " and ".join(dict.fromkeys(cells[piece.cell].called for piece in own))
    return f"`{name}` does not hold what its code makes of the values as they are now: run {again} again"


def _raised(own: Sequence[Piece], cells: Mapping[int, Cell]) -> str | None:
    for piece in own:
        if (error := cells[piece.cell].error) is not None:
            return f"{cells[piece.cell].called} raised {error}: mend the cell and run it again"
    return None


def other_path(name: str, pieces: Sequence[Piece], cells: Mapping[int, Cell]) -> str | None:
    """Return a sentence where a cell that adds a path was run before the cell that begins; None where none was."""
    own = own_pieces(pieces, name)
    adds = [p for p in pieces if name in p.variables and p not in own and name in p.uses and p.cell != own[0].cell]
    if not own or not adds or adds[-1].cell > own[0].cell:
        return None
    begins, added = cells[own[0].cell], cells[adds[-1].cell]
    if min(begins.runs, default=begins.number) > min(added.runs, default=added.number):
        return None  # it stands behind the cell that adds, and overwrites what that made
    return f"{cells[adds[-1].cell].called} adds to `{name}`, but ran before {cells[own[0].cell].called}: run it again"


def _up_to_date(
    name: str,
    found: object,
    names: Mapping[str, Any],
    pieces: Sequence[Piece],
    own: Sequence[Piece],
    variables: Collection[str],
    known: Collection[str],
    agrees: bool,
    together: bool = False,
) -> bool | None:
    """Return whether the step's cells, run on the notebook's present values, make what is there.

    together: run those of the earlier gradients too. Returns None where they make nothing, or raise before they have
    made PyTorch's gradient (agrees).
    """
    others = {
        other: value.detach()
        for other in variables
        if other != name and isinstance(value := names.get(other), torch.Tensor)
    }
    together = together or mixed(own)
    needed = needed_pieces(pieces, own, () if together else others, follow=together, known=known)
    before = {other: value for other, value in names.items() if other != name}
    here = Case(True, torch.get_default_dtype(), before, {}, {}, {}, {}, frozenset())
    ran = run(needed, here, {} if together else others, [name])
    value = ran.values.get(name)
    if ran.late or ran.uses or grads_read(piece.source for piece in needed):
        return True  # it cannot be told
    if value is None or (ran.error is not None and not agrees):
        return None
    if value.tensor is None:
        return value.kind == "other" or (found is None and value.kind == "none")
    if not isinstance(found, torch.Tensor):
        return found is not None
    return _same(found.detach(), value.tensor)


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    if one.shape != other.shape or one.layout != other.layout:
        return False
    if one.layout != torch.strided:
        return True  # it cannot be told, and it is no answer
    if torch.equal(one, other):
        return True
    if not (one.is_floating_point() and other.is_floating_point()) or not one.numel():
        return False
    size = float(torch.nan_to_num(other).abs().max())
    return bool(torch.allclose(one.double(), other.double(), rtol=SAME, atol=SAME * size, equal_nan=True))
