"""Which steps the exercise has and what they are worth, from the notebook's own file; its check cells carry it."""

from __future__ import annotations

import ast
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from .history import texts_of
from .standing import Worth

CHECKS = ("cmp", "cmp_value")
MAX_BYTES = 24_000_000


class Sheet(NamedTuple):
    """What the cells of an exercise's notebook say of its steps.

    points: what each is worth, by d-variable, in order. steps: the tensors whose gradients locked cells compare or
    give; PyTorch may have been told to keep the gradients of more, and none of these others is a step.
    """

    points: Mapping[str, Worth] = MappingProxyType({})
    steps: frozenset[str] = frozenset()


_known: dict[str, Sheet] = {}


def sheet(shell: Any, forward: str) -> Sheet:
    """Return what the running notebook's own file says; empty where it is not known. Read once.

    shell: IPython's. forward: the text of the forward cell.
    """
    key = f"{id(shell)} {forward}"
    if key not in _known:
        _known[key] = sheet_of(forward, texts_of(shell))
    return _known[key]


def sheet_of(forward: str, ran: Collection[str] = (), folder: Path | None = None) -> Sheet:
    """Return what the notebook's own file says of its steps; empty where no file beside is the notebook.

    forward: the text of the forward cell. ran: the texts of all cells that were run. Of the folder's notebooks with
    this forward cell it is the one that has most of those cells: several exercises may share a forward pass.
    """
    texts = {text.strip() for text in ran}
    best: tuple[int, Sheet] = (-1, Sheet())
    for path in sorted((folder or Path()).glob("*.ipynb")):
        try:
            if path.stat().st_size > MAX_BYTES:
                continue
            cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
            own = {_text(cell).strip() for cell in cells}
            if forward.strip() in own and len(own & texts) > best[0]:
                best = len(own & texts), Sheet(_points(cells), _steps(cells))
        except (OSError, ValueError, TypeError, KeyError, AttributeError):  # no notebook, or not one of ours
            continue
    return best[1]


def _steps(cells: list[dict[str, Any]]) -> frozenset[str]:
    found: set[str] = set()
    for cell in cells:
        about = cell.get("metadata", {}).get("nbgrader", {})
        if about.get("solution") or not (about.get("grade") or about.get("locked")) or cell.get("cell_type") != "code":
            continue
        try:
            nodes = list(ast.walk(ast.parse(_text(cell))))
        except SyntaxError:  # a magic
            continue
        for node in nodes:
            match node:
                case ast.Call(ast.Name("cmp"), [_, _, ast.Name(tensor), *_]):
                    found.add(tensor)
                case ast.Assign(_, value):
                    found |= {owner for part in ast.walk(value) if (owner := _of_grad(part)) is not None}
    return frozenset(found)


def _of_grad(node: ast.AST) -> str | None:
    match node:
        case ast.Attribute(ast.Name(tensor), "grad"):
            return tensor
    return None


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
