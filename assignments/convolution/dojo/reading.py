"""Read the running notebook: its forward pass, the setup and the student's cells, and the trial cases they make."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .explain.forward import read_lines
from .history import Cell, cells_of, texts_of
from .notebook import Session, steps_compared
from .trial.answer import Piece, pieces_of
from .trial.cases import NoTrialError, Pair, make_cases, setup_cells
from .trial.code import defined_names

BACKWARD = re.compile(r"\.backward\(")


@dataclass(frozen=True)
class Reading:
    """The notebook, read: its cells by number, the forward cell, the setup, and the student's statements."""

    cells: Mapping[int, Cell]
    forward: Cell
    setup: tuple[Cell, ...]
    pieces: tuple[Piece, ...]
    variables: Mapping[str, str]
    given: frozenset[str]
    known: frozenset[str]
    backward: Cell | None


_cases: dict[tuple[Any, ...], tuple[Pair, ...] | str] = {}
_reads: dict[tuple[Any, ...], Reading | None] = {}


def read_notebook(session: Session, label: str) -> Reading | None:
    """Return the notebook; None where its forward cell has been edited since. Read once for all that a cell compares.

    label: of the comparison; what stands behind it in the cell that is running has not been run.
    """
    texts = texts_of(session.shell)
    here = any(f"{quote}{label}{quote}" in texts[-1] for quote in "\"'")
    key = (session.shell, session.source, session.marked, len(texts), label if here else "")
    if key not in _reads:
        _reads.clear()
        _reads[key] = _read(session, label)
    return _reads[key]


def _read(session: Session, label: str) -> Reading | None:
    cells = cells_of(session.shell)
    forward = next((cell for cell in reversed(cells) if cell.source == session.source), None)
    if forward is None:
        return None
    answers = {f"d{tensor}" for tensor in session.marked}
    before = sorted((cell for cell in cells if cell.runs[0] < forward.runs[0]), key=lambda cell: cell.runs[0])
    before = [cell for cell in before if answers.isdisjoint(defined_names(cell.source))]
    needed = setup_cells([cell.source for cell in before], session.lines)
    setup = tuple(cell for cell in before if cell.source in needed)
    later = sorted((cell for cell in cells if cell.runs[0] > forward.runs[0]), key=lambda cell: cell.runs[0])
    backward = next((cell for cell in later if BACKWARD.search(cell.source)), None)
    compared = steps_compared(cell.source for cell in cells)
    variables = {compared.get(tensor, ("", f"d{tensor}"))[1]: tensor for tensor in session.marked}
    theirs = [cell for cell in cells if cell not in (forward, backward, *setup)]
    # A forward pass may stand in several cells.
    theirs = [cell for cell in theirs if not (lines := read_lines(cell.source)) or not set(lines) <= set(session.lines)]
    pieces = pieces_of([(cell.number, cell.source) for cell in theirs], variables, label)
    given = pieces_of([(backward.number, backward.source)], variables) if backward is not None else ()
    made = frozenset().union(*(piece.variables for piece in given))
    known = frozenset().union(*(defined_names(cell.source) for cell in setup), (line.target for line in session.lines))
    return Reading({cell.number: cell for cell in cells}, forward, setup, pieces, variables, made, known, backward)


def cases_of(session: Session, read: Reading) -> Sequence[Pair]:
    """Return the trial cases of this forward pass; made once. Raises NoTrialError."""
    key = (session.source, session.marked, *(cell.source for cell in read.setup))
    if key not in _cases:
        _cases.clear()
        try:
            _cases[key] = make_cases([cell.source for cell in read.setup], session.lines, session.marked)
        except NoTrialError as error:
            _cases[key] = str(error)
    found = _cases[key]
    if isinstance(found, str):
        raise NoTrialError(found)
    return found


def error_of(read: Reading, name: str) -> str | None:
    """Return the exception of the last cell that makes a d-variable and raised, in one line; None where none has."""
    raised = {cell.number: cell.error for cell in read.cells.values() if cell.error is not None}
    return next((raised[p.cell] for p in reversed(read.pieces) if name in p.variables and p.cell in raised), None)
