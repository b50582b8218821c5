"""Changes of indices: other places than the line picks, one place where all are needed, an index of another loop."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Mapping

from .cell import StudentCell
from .edit import Edit, quoted
from .edit_statements import index_text
from .evaluate import Original
from .forward import Tensor

PICKING = ("scatter", "scatter_", "scatter_add", "scatter_add_", "gather", "index_add", "index_add_", "index_select")


def loop_indices(cell: StudentCell) -> Iterator[Edit]:
    """Yield an index in a loop that stays the same, is of another loop or runs the other way; a shifted index."""
    for loop in cell.all_nodes:
        if not isinstance(loop, ast.For) or not isinstance(loop.target, ast.Name):
            continue
        for node in (node for node in ast.walk(loop) if isinstance(node, ast.Subscript)):
            for entry in node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]:
                if not isinstance(entry, ast.Slice) and ast.unparse(entry) != loop.target.id:
                    said = f"the index {quoted(entry)} of {quoted(node)} stands where `{loop.target.id}` belongs"
                    yield Edit("elsewhere", said, {entry: loop.target})
    for index in _places(cell):
        match index:
            case ast.BinOp(left, ast.Add() | ast.Sub(), ast.Constant(int())):
                said = f"the index {quoted(index)} is shifted by one place or more: {quoted(left)} belongs there"
                yield Edit("elsewhere", said, {index: left})


def one_place(cell: StudentCell) -> Iterator[Edit]:
    """Yield a statement that takes one place of an axis where a loop must go over all of them."""
    for statement in cell.statements:
        if not isinstance(statement, ast.Assign | ast.AugAssign):
            continue
        fixed: dict[int, list[ast.expr]] = {}
        sized: dict[int, ast.expr] = {}
        for node in ast.walk(statement):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Tuple):
                for axis, entry in enumerate(node.slice.elts):
                    number = entry.operand if isinstance(entry, ast.UnaryOp) else entry
                    if isinstance(number, ast.Constant) and type(number.value) is int:
                        fixed.setdefault(axis, []).append(entry)
                        sized[axis] = node.value
        for axis, entries in fixed.items():
            size = ast.Subscript(ast.Attribute(sized[axis], "shape", ast.Load()), ast.Constant(axis), ast.Load())
            rounds = ast.Call(ast.Name("range", ast.Load()), [size], [])
            each = _with(statement, dict.fromkeys(entries, ast.Name("_place", ast.Load())))
            said = f"{quoted(statement)} takes place {ast.unparse(entries[0])} of axis {axis} only: add up all places, "
            said += f"in a loop over {quoted(rounds)}"
            loop = ast.For(ast.Name("_place", ast.Store()), rounds, [each], [])
            yield Edit("subset", said, {statement: [loop]})


def indices(cell: StudentCell) -> Iterator[Edit]:
    """Yield an index that picks other places than the line does."""
    picked = [
        node.slice
        for route in cell.trial.scene.routes
        for line in route.lines
        for node in ast.walk(ast.parse(line.source))
        if isinstance(node, ast.Subscript)
    ]
    picked += _of_labels(cell)
    for statement in cell.all_nodes:
        match statement:
            case ast.Assign([ast.Subscript(_, index)], value) | ast.AugAssign(ast.Subscript(_, index), _, value):
                for other in [*picked, *(turn for each in picked for turn in _in_a_loop(each, statement, cell))]:
                    if ast.unparse(other) != ast.unparse(index):
                        said = f"the index `[{index_text(index)}]` picks other places than the line does, "
                        said += f"`[{index_text(other)}]`"
                        yield Edit("elsewhere", said, {index: other})
                        flat = ast.Call(ast.Attribute(Original(value), "flatten", ast.Load()), [], [])
                        yield Edit("elsewhere", said, {index: other, value: flat}, False)
    yield from _other_tensors(cell)


def _of_labels(cell: StudentCell) -> Iterator[ast.expr]:
    """Yield what a loss that is given labels picks, as an index: one place of each row."""
    for route in cell.trial.scene.routes:
        for line in route.lines:
            for node in ast.walk(ast.parse(line.source)):
                match node:
                    case ast.Call(ast.Attribute(_, "cross_entropy" | "nll_loss"), [_, labels, *_]):
                        shape = ast.Attribute(labels, "shape", ast.Load())
                        count = ast.Subscript(shape, ast.Constant(0), ast.Load())
                        rows = ast.Call(ast.Name("range", ast.Load()), [count], [])
                        yield ast.Tuple([rows, labels], ast.Load())


def everywhere(cell: StudentCell) -> Iterator[Edit]:
    """Yield a 1 that is added to or subtracted from all elements, where it belongs to one place of each row."""
    for node in cell.nodes:
        match node:
            case ast.BinOp(_, ast.Add() | ast.Sub(), ast.Constant(1) as one) if isinstance(cell.values[node], Tensor):
                for text, (tree, _) in cell.known.items():
                    if text.startswith("F.one_hot"):
                        said = f"the 1 of {quoted(node)} stands everywhere: it belongs to one place of each row only, "
                        said += quoted(tree)
                        yield Edit("elsewhere", said, {one: tree})


def _in_a_loop(index: ast.expr, statement: ast.AST, cell: StudentCell) -> Iterator[ast.expr]:
    """Yield what a line's index is in one round of the innermost loop: `[i, y[i]]` for `[range(n), y]`."""
    loops = _loops(statement, cell)
    if not loops or not isinstance(index, ast.Tuple):
        return
    turn = ast.Name(loops[0], ast.Load())
    entries: list[ast.expr] = []
    for entry in index.elts:
        match entry:
            case ast.Call(ast.Name("range")) | ast.Call(ast.Attribute(_, "arange")):
                entries.append(turn)
            case ast.Name(name) if isinstance(cell.trial.names.get(name), Tensor):
                entries.append(ast.Subscript(entry, turn, ast.Load()))
            case _:
                entries.append(entry)
    yield ast.Tuple(entries, ast.Load())


def _other_tensors(cell: StudentCell) -> Iterator[Edit]:
    """Yield a tensor of indices that stands where another one of the lines belongs, with its shape or in a loop."""
    known = {name: cell.trial.names[name] for name in cell.line_names}
    known |= {text: value for text, (tree, value) in cell.known.items() if isinstance(tree, ast.Subscript)}
    tensors = {n: v for n, v in known.items() if isinstance(v, Tensor) and not v.is_floating_point() and v.dim()}
    for index in _places(cell):
        value = cell.values.get(index)
        if not isinstance(value, Tensor | int) or isinstance(value, bool):
            continue
        loops = _loops(index, cell)
        for name, other in tensors.items():
            tree: ast.expr = cell.known[name][0] if name in cell.known else ast.Name(name, ast.Load())
            if not isinstance(value, Tensor) or not value.dim():
                turns: list[ast.expr] = [ast.Name(each, ast.Load()) for each in reversed(loops[: other.dim()])]
                if not turns:
                    continue
                tree = ast.Subscript(tree, turns[0] if len(turns) == 1 else ast.Tuple(turns, ast.Load()), ast.Load())
            elif value.numel() != other.numel() or value.is_floating_point():
                continue
            elif value.shape != other.shape:
                shape = ast.Attribute(Original(index), "shape", ast.Load())
                tree = ast.Call(ast.Attribute(tree, "reshape", ast.Load()), [shape], [])
            if ast.unparse(tree) != ast.unparse(index):
                shown = name if isinstance(tree, ast.Call) else tree
                said = f"the index {quoted(index)} picks other places than the line does: {quoted(shown)} belongs there"
                yield Edit("elsewhere", said, {index: tree})


def _places(cell: StudentCell) -> Iterator[ast.expr]:
    """Yield the expressions that say which places are picked: entries of indices, arguments of scatter and the like."""
    for node in cell.all_nodes:
        match node:
            case ast.Subscript(_, ast.Tuple(entries)):
                yield from (entry for entry in entries if not isinstance(entry, ast.Slice | ast.Constant))
            case ast.Subscript(_, entry) if not isinstance(entry, ast.Slice | ast.Constant):
                yield entry
            case ast.Call(ast.Attribute(_, name), args) if name in PICKING:
                yield from (argument for argument in args[:3] if not isinstance(argument, ast.Constant))


def _loops(node: ast.AST | None, cell: StudentCell) -> list[str]:
    """Return the names that the loops around a node count with, the innermost first."""
    found = []
    while node is not None:
        if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
            found.append(node.target.id)
        node = cell.parents.get(node)
    return found


def _with(statement: ast.stmt, changes: Mapping[ast.expr, ast.expr]) -> ast.stmt:
    """Return a copy of a statement with other nodes."""
    return copy.deepcopy(statement, {id(old): new for old, new in changes.items()})
