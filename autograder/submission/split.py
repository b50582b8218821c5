"""Take a cell that makes several d-variables apart, so that each of them can be marked step by step.

A student may write the whole backward pass in one cell. Step by step, every d-variable must be replaced once
it is there, before the next line uses it; so such a cell is run statement by statement.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Collection, Iterator
from dataclasses import replace

from autograder.sandbox.messages import ScriptCell
from autograder.submission.code import parsed
from autograder.submission.notebook import Submission

# Cell magics that only watch what runs below them.
WATCHING = ("%%time", "%%capture")


def taken_apart(submission: Submission) -> tuple[Submission, frozenset[str]]:
    """The submission with these cells as one script cell a statement, and the d-variables recorded earlier now.

    The parts of a cell have places after the notebook's end.
    """
    statements = {cell.index: list(_statements(cell.source)) for cell in submission.script}
    makes = {index: [_makes(node, submission.sources) for node in nodes] for index, nodes in statements.items()}
    place = {name: cell.index for cell in submission.script for name in cell.records}
    # For each d-variable the last statement that makes it, of those that run before it is recorded.
    last: dict[str, tuple[int, int]] = {}
    for index, made in makes.items():
        for number, names in enumerate(made):
            last |= {name: (index, number) for name in names if index <= place[name]}
    crowded = {index for index, _ in last.values() if len({n for n, (i, _) in last.items() if i == index}) > 1}
    moved = frozenset(name for name, (index, _) in last.items() if index in crowded)
    places = itertools.count(1 + max(statements))
    script: list[ScriptCell] = []
    for cell in submission.script:
        kept = tuple(name for name in cell.records if name not in moved)
        if cell.index not in crowded:
            script.append(replace(cell, records=kept))
            continue
        for number, node in enumerate(statements[cell.index]):
            due = tuple(name for name in moved if last[name] == (cell.index, number))
            script.append(ScriptCell(next(places), ast.unparse(node), due))
        script.append(ScriptCell(cell.index, "", kept))
    return replace(submission, script=tuple(script)), moved


def _statements(source: str) -> Iterator[ast.stmt]:
    """The cell's statements, those in a `with` each in a `with` of its own; none where it is not Python."""
    first, _, rest = source.partition("\n")
    if first.startswith(WATCHING):
        source = rest
    elif first.startswith("%%"):
        return
    tree = parsed(source)
    for node in tree.body if tree is not None else ():
        if isinstance(node, ast.With):
            for inner in node.body:
                yield ast.With(node.items, [inner], lineno=0)
        else:
            yield node


def _makes(statement: ast.stmt, names: Collection[str]) -> set[str]:
    """Which of the names it assigns or changes in place."""
    found: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Subscript(ctx=ast.Store()):
                found |= _base(node)
            case ast.Call(func=ast.Attribute(attr=method)) if method.endswith("_"):
                found |= _base(node.func)
            case ast.keyword(arg="out"):
                found |= _base(node.value)
    return found.intersection(names)


def _base(node: ast.AST) -> set[str]:
    """The name that a chain such as `x.view(-1)[i].y` starts from."""
    while not isinstance(node, ast.Name):
        match node:
            case ast.Subscript(value=inner) | ast.Attribute(value=inner) | ast.Call(func=inner):
                node = inner
            case _:
                return set()
    return {node.id}
