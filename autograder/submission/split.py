"""Take cells that make several d-variables apart into statements, and tell which statement makes which.

A student may write the whole backward pass in one cell. Step by step, every d-variable must be replaced once
it is there, before the next line uses it; so such a cell is run statement by statement.
"""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from autograder.sandbox.messages import ScriptCell
from autograder.submission.code import parsed
from autograder.submission.notebook import Submission

# Cell magics that only watch what runs below them.
WATCHING = ("%%time", "%%capture")
INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)


@dataclass(frozen=True)
class Apart:
    """A submission with some of its cells taken apart.

    submission: the same with one script cell for each statement of those; they have indices after the notebook's end.
    cells: by script cell, the cell index that it comes from. moved: d-variables that are recorded earlier than
    before. makers: by d-variable, the script cells that assign it or change it in place.
    """

    submission: Submission
    cells: Mapping[int, int]
    moved: frozenset[str]
    makers: Mapping[str, tuple[int, ...]]

    @functools.cached_property
    def sources(self) -> dict[int, str]:
        """The code by script cell."""
        return {cell.index: cell.source for cell in self.submission.script}

    @functools.cached_property
    def order(self) -> dict[int, int]:
        """When each script cell runs: its number in the script, by its index."""
        return {cell.index: number for number, cell in enumerate(self.submission.script)}

    @functools.cached_property
    def mixed(self) -> frozenset[str]:
        """The d-variables that statements do not tell apart: made by one with others, or by none that can be seen."""
        made = [set(names) for names in self._made().values()]
        together = {name for names in made if len(names) > 1 for name in names}
        return frozenset(together | {name for name in self.submission.sources if not self.makers.get(name)})

    def _made(self) -> dict[int, list[str]]:
        made: dict[int, list[str]] = {}
        for name, makers in self.makers.items():
            for maker in makers:
                made.setdefault(maker, []).append(name)
        return made


def taken_apart(submission: Submission, raised: Collection[int] = ()) -> Apart:
    """Take apart the cells that make more than one d-variable.

    raised: indices of other cells to take apart, so that what comes behind a line that raises is run.
    """
    statements = {cell.index: list(_statements(cell.source)) for cell in submission.script}
    makes = {index: [_makes(node, submission.sources) for node in nodes] for index, nodes in statements.items()}
    recorded = {name: cell.index for cell in submission.script for name in cell.records}
    # For each d-variable the last statement that makes it, of those that run before it is recorded.
    last: dict[str, tuple[int, int]] = {}
    for index, made in makes.items():
        for number, names in enumerate(made):
            last |= {name: (index, number) for name in names if index <= recorded[name]}
    crowded = {index for index, _ in last.values() if len({n for n, (i, _) in last.items() if i == index}) > 1}
    crowded |= {index for index in raised if len(statements.get(index, ())) > 1}
    moved = frozenset(name for name, (index, _) in last.items() if index in crowded)
    numbers = itertools.count(1 + max(statements))
    script: list[ScriptCell] = []
    cells: dict[int, int] = {}
    makers: dict[str, list[int]] = {name: [] for name in submission.sources}
    nothing: set[str] = set()

    def add(cell: ScriptCell, source: int, made: Collection[str]) -> None:
        script.append(cell)
        cells[cell.index] = source
        for name in made:
            makers[name].append(cell.index)

    for cell in submission.script:
        kept = tuple(name for name in cell.records if name not in moved)
        if cell.index not in crowded:
            add(replace(cell, records=kept), cell.index, nothing.union(*makes[cell.index]))
            continue
        for number, (node, names) in enumerate(zip(statements[cell.index], makes[cell.index], strict=True)):
            due = tuple(name for name in moved if last[name] == (cell.index, number))
            add(ScriptCell(next(numbers), ast.unparse(node), due), cell.index, names)
        add(ScriptCell(cell.index, "", kept), cell.index, ())
    apart = replace(submission, script=tuple(script))
    return Apart(apart, cells, moved, {name: tuple(indices) for name, indices in makers.items()})


def _statements(source: str) -> Iterator[ast.stmt]:
    """Yield the cell's statements, those of a block each in a block of its own; none where it is not Python."""
    first, _, rest = source.partition("\n")
    if first.startswith(WATCHING):
        source = rest
    elif first.startswith("%%"):
        return
    tree = parsed(source)
    for node in tree.body if tree is not None else ():
        yield from _unfolded(node)


def _unfolded(node: ast.stmt) -> Iterator[ast.stmt]:
    """Yield a statement; for `with`, `if` without else and `try` one such block for each statement inside."""
    match node:
        case ast.With(items, body):
            yield from (ast.With(items, [inner], lineno=0) for each in body for inner in _unfolded(each))
        case ast.If(test, body, []):
            yield from (ast.If(test, [inner], []) for each in body for inner in _unfolded(each))
        case ast.Try(body, handlers, [], []) if handlers:
            yield from (ast.Try([inner], handlers, [], []) for each in body for inner in _unfolded(each))
        case _:
            yield node


def _makes(statement: ast.stmt, names: Collection[str]) -> set[str]:
    """Return which of the names it assigns or changes in place; what a function does, its calls do."""
    found: set[str] = set()
    for node in _outside_functions(statement):
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


def _outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    if not isinstance(node, INNER):
        for child in ast.iter_child_nodes(node):
            yield from _outside_functions(child)


def _base(node: ast.AST) -> set[str]:
    """Return the name that a chain such as `x.view(-1)[i].y` starts from."""
    while not isinstance(node, ast.Name):
        match node:
            case ast.Subscript(value=inner) | ast.Attribute(value=inner) | ast.Call(func=inner):
                node = inner
            case _:
                return set()
    return {node.id}
