"""Read the forward cell: one assignment a line, each an atomic step. How code is read is in `lines`."""

from __future__ import annotations

import ast
from collections.abc import Collection
from dataclasses import replace

from autograder.exercise.lines import Assignment, ForwardError, read

__all__ = ["Assignment", "ForwardError", "consumers", "parse_forward", "reading_paths"]


def parse_forward(source: str) -> tuple[Assignment, ...]:
    """Return the assignments of a forward cell, in order. Raises ForwardError where it has any other statement."""
    return read(source)


def consumers(assignments: tuple[Assignment, ...], tensor: str) -> tuple[Assignment, ...]:
    """Return the steps that read `tensor`, last one first: the order in which the paths of its gradient arrive."""
    return tuple(step for step in reversed(assignments) if tensor in step.uses)


def reading_paths(assignments: tuple[Assignment, ...], paths: Collection[str]) -> tuple[Assignment, ...]:
    """Return the assignments with the paths that each reads among its uses.

    paths: marked tensors that setup keeps in a container, such as `params['W']` or `model.fc.weight`. A line reads one
    where it names the path itself, what lies below it, or the container as a whole: `model(x)` reads all its weights.
    """
    if not paths:
        return assignments
    above = {path: _prefixes(ast.parse(path, mode="eval").body) for path in paths}
    found = []
    for each in assignments:
        chains = _chains(ast.parse(each.source))
        read = [
            path
            for path, prefixes in above.items()
            if any(chain[-1] in prefixes or prefixes[-1] in chain for chain in chains)
        ]
        found.append(replace(each, uses=(*each.uses, *read)))
    return tuple(found)


def _chains(tree: ast.AST) -> list[list[str]]:
    """Return the prefixes of every access in the code: `params`, `params['W']` for `params['W'].T` (a call of it too).

    The last attribute is left out where it may be a method.
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Subscript | ast.Name) and isinstance(node.ctx, ast.Load):
            prefixes = _prefixes(node)
            if prefixes:
                found.append(prefixes)
    # Of `a`, `a.b` and `a.b.c` in one access only the longest says what is read.
    shorter = {prefix for prefixes in found for prefix in prefixes[:-1]}
    called = [_prefixes(node.func)[:-1] for node in ast.walk(tree) if isinstance(node, ast.Call)]
    longest = [prefixes for prefixes in found if prefixes[-1] not in shorter]
    return [*longest, *(prefixes for prefixes in called if len(prefixes) > 0)]


def _prefixes(node: ast.expr) -> list[str]:
    """Return `a`, `a.b`, `a.b['c']` for the last of them, the shortest first; [] for what is no such access."""
    if isinstance(node, ast.Name):
        return [node.id]
    if isinstance(node, ast.Attribute) or (isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)):
        before = _prefixes(node.value)
        return [*before, ast.unparse(node)] if before else []
    return _prefixes(node.value) if isinstance(node, ast.Subscript) else []
