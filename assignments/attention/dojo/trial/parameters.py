"""Read a parameters cell: its constants, which of them are no sizes, and what sizes need of each other."""

from __future__ import annotations

import ast
import re
from typing import Any


def constants_in(source: str) -> dict[str, Any]:
    """Return the constants that a cell assigns, by name."""
    found: dict[str, Any] = {}
    for node in ast.parse(source).body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Constant(value)):
                found[name] = value
    return found


def fixed_in(source: str) -> set[str]:
    """Return the parameters that are declared not to be sizes, such as the k of top-k: `k = 2  # fixed`."""
    found = set()
    lines = source.splitlines()
    for node in ast.parse(source).body:
        match node:
            case ast.Assign([ast.Name(name)], ast.Constant()):
                comment = lines[node.lineno - 1].encode()[node.end_col_offset :].decode()
                if re.match(r"\s*#\s*fixed\b", comment):
                    found.add(name)
    return found


def demands_in(source: str) -> list[str]:
    """Return what sizes need of each other, as the `assert` lines of a cell say it."""
    return [ast.unparse(node.test) for node in ast.parse(source).body if isinstance(node, ast.Assert)]


def has_parameters_only(source: str) -> bool:
    """Return whether a cell has nothing but constants and demands on them, a seed among them."""
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError):
        return False
    constants = constants_in(source)
    plain = all(isinstance(n, ast.Assert) or (isinstance(n, ast.Assign) and _is_constant(n)) for n in body)
    return plain and any("seed" in name.lower() for name in constants)


def _is_constant(node: ast.Assign) -> bool:
    return len(node.targets) == 1 and isinstance(node.targets[0], ast.Name) and isinstance(node.value, ast.Constant)
