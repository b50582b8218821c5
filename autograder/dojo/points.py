"""What the exercise's steps are worth, from the notebook's own file; its check cells carry it."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from .history import texts_of
from .notebook import Session
from .standing import Worth

CHECKS = ("cmp", "cmp_value")
MAX_BYTES = 24_000_000


_known: dict[str, Mapping[str, Worth]] = {}


def points(session: Session) -> Mapping[str, Worth]:
    """Return what the notebook's steps are worth, by d-variable; empty where it is not known. Read once."""
    key = f"{id(session.shell)} {session.source}"
    if key not in _known:
        _known[key] = points_of(session.source, texts_of(session.shell))
    return _known[key]


def points_of(forward: str, ran: Collection[str] = (), folder: Path | None = None) -> Mapping[str, Worth]:
    """Return what every marked step is worth by its variable, in order; empty where no file beside is the notebook.

    forward: the text of the forward cell. ran: the texts of all cells that were run. Of the folder's notebooks with
    this forward cell it is the one that has most of those cells: several exercises may share a forward pass.
    """
    texts = {text.strip() for text in ran}
    best: tuple[int, Mapping[str, Worth]] = (-1, {})
    for path in sorted((folder or Path()).glob("*.ipynb")):
        try:
            if path.stat().st_size > MAX_BYTES:
                continue
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            own = {_text(cell).strip() for cell in cells}
            if forward.strip() in own and len(own & texts) > best[0]:
                best = len(own & texts), _points(cells)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):  # no notebook, or not one of ours
            continue
    return best[1]


def _points(cells: list[dict[str, Any]]) -> dict[str, Worth]:
    found: dict[str, Worth] = {}
    for cell in cells:
        about = cell.get("metadata", {}).get("nbgrader", {})
        call = _compared(_text(cell)) if about.get("grade") and cell.get("cell_type") == "code" else None
        if call is not None:
            found[call[0]] = Worth(float(about.get("points", 0)), call[1])
    return found


def _compared(source: str) -> tuple[str, float] | None:
    """Return the variable that a check cell compares, and its bonus: dprobs and 0 of `cmp("probs", dprobs, probs)`."""
    try:
        body = ast.parse(source).body
    except SyntaxError:
        return None
    for node in body:
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in CHECKS:
            value = call.args[1] if len(call.args) > 1 else None
            given = {keyword.arg: keyword.value for keyword in call.keywords}.get("bonus")
            bonus = given.value if isinstance(given, ast.Constant) else 0
            number = float(bonus) if isinstance(bonus, (int, float)) else 0.0
            return (value.id, number) if isinstance(value, ast.Name) else None
    return None


def _text(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return "".join(source) if isinstance(source, list) else str(source)
