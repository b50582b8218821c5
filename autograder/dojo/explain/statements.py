"""Which statements of a student's code make a variable."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from .operators import with_operators

LONGEST = 50_000  # letters of code that is read: reading takes a microsecond each


def statements(source: str, name: str, names: Mapping[str, Any]) -> list[ast.stmt]:
    """Return the statements of a cell that its variable depends on, from the last on that makes it anew.

    names: what is known without the cell: its gradients are taken as they are, any other name from the cell where the
    cell assigns it. Raises SyntaxError where the code is no Python, or is far too long.
    """
    if len(source) > LONGEST:
        raise SyntaxError("too long")
    needed: set[str] = {name}
    kept: list[ast.stmt] = []
    for statement in reversed(with_operators(ast.parse(source)).body):
        changed = _changed(statement)
        if not changed & needed:
            continue
        kept.insert(0, statement)
        needed |= {other for other in _read(statement) if other not in names or not _is_gradient(other)}
        anew = isinstance(statement, ast.Assign) and any(isinstance(t, ast.Name) for t in statement.targets)
        if anew and isinstance(statement, ast.Assign):
            inner = {part.id for part in ast.walk(statement.value) if isinstance(part, ast.Name)}
            needed -= changed - inner
        elif isinstance(statement, ast.FunctionDef):
            needed -= changed
    return kept


def _is_gradient(name: str) -> bool:
    return len(name) > 1 and name.startswith("d")


def _read(statement: ast.stmt) -> set[str]:
    """Return the names that a statement reads, without what a function or a loop of its own gives a value."""
    own: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.FunctionDef(args=arguments) | ast.Lambda(args=arguments):
                own |= {argument.arg for argument in arguments.args}
            case ast.For(target) | ast.comprehension(target):
                own |= {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}
    if isinstance(statement, ast.FunctionDef):
        own |= _stored(statement)
    return {part.id for part in ast.walk(statement) if isinstance(part, ast.Name)} - own


def _stored(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def works_in_place(node: ast.AST) -> bool:
    """Return whether a node calls a method that changes its tensor, or its list: `zero_`, `append`."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return node.func.attr.endswith("_") or node.func.attr == "append"


def assigns(source: str, name: str) -> bool:
    """Return whether a cell assigns a variable, or changes it in place."""
    try:
        return len(source) <= LONGEST and any(name in _changed(statement) for statement in ast.parse(source).body)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # a magic, or no Python
        return False


def _changed(statement: ast.stmt) -> set[str]:
    """Return the names that a statement assigns, or changes in place."""
    if isinstance(statement, ast.FunctionDef):
        return {statement.name}
    found = _stored(statement)
    for node in ast.walk(statement):
        match node:
            case ast.Subscript(base, _, ast.Store()) | ast.Call(ast.Attribute(base, _)):
                while isinstance(base, ast.Subscript | ast.Attribute | ast.Call):
                    base = base.func if isinstance(base, ast.Call) else base.value
                if isinstance(base, ast.Name) and (not isinstance(node, ast.Call) or works_in_place(node)):
                    found.add(base.id)
    return found
