"""Why a result that is no gradient is wrong, from what the running notebook holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from . import standing
from .compare import Comparison, plain
from .explain.descent import explain_update
from .explain.moves import read
from .explain.update import Update
from .explain.update_code import function_of
from .explain.value_steps import explain_value
from .history import cells_of, running_shell, texts_of
from .judge import Verdict
from .notebook import compared_as, current_session
from .overview import expected
from .structure import names_of
from .written import is_written

Tensor = torch.Tensor


def reason_for_value(found: object, expected: Tensor) -> str | None:
    """Return a sentence on why `found`, which is no gradient, is not `expected`; None where the cause is unknown."""
    names = {name: v for name, v in names_here().items() if v is not found and not name.startswith("_")}
    explanation = explain_value(plain(found), expected, names)
    return None if explanation is None else explanation.sentence


def reason_for_update(name: str, table: object, parameters: Sequence[Tensor]) -> str | None:
    """Return a sentence on why the notebook's update of this name is wrong; None where the cause is unknown.

    table: what it has done, of moves_of. parameters: the tensors of whose shapes those were.
    """
    shell, values = running_shell(), names_here()
    function = None if shell is None else function_of(texts_of(shell), name)
    explanation = explain_update(Update(read(table), names_of(parameters, values), function, values))
    return None if explanation is None else explanation.sentence


def verdict_of(result: Comparison, right: bool) -> Verdict:
    """Return the verdict on a value in marking's words."""
    if right:
        return "exact" if result.exact else "approximate"
    return "missing" if result.kind == "todo" else "shape" if result.kind == "shape" else "wrong"


def keep(label: str, verdict: Verdict, reason: str | None) -> str | None:
    """Keep the verdict on the value that the notebook compares under a label; return the mark to expect.

    Returns None outside a notebook that has a forward pass.
    """
    session = current_session()
    if session is None or not session.marked:
        return None
    standing.belongs_to(session.shell, session.source)
    name = next((name for said, name, _ in compared_as(texts_of(session.shell)) if said == label), None)
    if name is not None:
        standing.keep(name, verdict, reason)
    return expected(session)


def raised_in(name: str) -> str | None:
    """Return a sentence on what was raised when a cell called the notebook's function of this name; None if nothing."""
    shell = running_shell()
    if shell is None or not is_written(shell.user_ns.get(name)):
        return None
    raised = [cell for cell in cells_of(shell) if cell.error is not None and f"({name}" in cell.source]
    return f"{name} was called in {raised[-1].called}, and that raised {raised[-1].error}" if raised else None


def names_here() -> Mapping[str, Any]:
    """Return the variables of the running notebook; none outside IPython."""
    shell = running_shell()
    return {} if shell is None else shell.user_ns
