"""Changes of statements and indices: `=` for `+=`, what the gradient starts from, parts that are left out, repeats."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .cell import StudentCell
from .edit import SYMBOLS, Edit, is_module, quoted
from .forward import Tensor

ACCUMULATES = "several examples pick the same place, and only one of them is kept: add them all up"


def parts(cell: StudentCell) -> Iterator[Edit]:
    """Yield an index that leaves a part out: once, or wherever the same index stands."""
    groups: dict[str, list[ast.Subscript]] = {}
    for node in _all(cell):
        if isinstance(node, ast.Subscript) and isinstance(cell.values.get(node.value), Tensor | list):
            groups.setdefault(_index(node.slice), []).append(node)
    for index, nodes in groups.items():
        some = [[node] for node in nodes] + ([nodes] if len(nodes) > 1 else [])
        for group in some:
            of = " and ".join(dict.fromkeys(quoted(node.value) for node in group))
            said = f"`[{index}]` takes only a part of {of}; all of it, every row, is needed"
            yield Edit("subset", said, {node: node.value for node in group})


def loops(cell: StudentCell) -> Iterator[Edit]:
    """Yield a loop that leaves some of its rounds out."""
    for node in _all(cell):
        match node:
            case ast.Call(ast.Name("range"), [*_, ast.BinOp(size, ast.Sub() | ast.FloorDiv(), _) as last]):
                said = f"the loop over {quoted(node)} leaves the last examples out: it must go up to {quoted(size)}"
                yield Edit("subset", said, {last: size})
        match node:
            case ast.Call(ast.Name("range"), [start, _]) if ast.unparse(start) != "0":
                said = f"the loop over {quoted(node)} leaves the first examples out: it must start from 0"
                yield Edit("subset", said, {start: ast.Constant(0)})
        match node:
            case ast.Call(ast.Name("range"), [only]):
                for text, (tree, value) in cell.known.items():
                    if type(value) is int and text != ast.unparse(only) and not isinstance(tree, ast.Constant):
                        said = (
                            f"the loop over {quoted(node)} goes over some places only: it must go up to {quoted(text)}"
                        )
                        yield Edit("subset", said, {only: tree})


def assignments(cell: StudentCell) -> Iterator[Edit]:
    """Yield `=` for `+=`, `+=` for `=`, a statement that is done twice, and one that does not belong there."""
    yield from repeats(cell)
    for statement in _all(cell):
        match statement:
            case ast.Assign([ast.Name() | ast.Subscript() as target], value) if _is_known(target, value, cell):
                for op, sign in ((ast.Add(), "+="), (ast.Sub(), "-=")):
                    said = f"`=` replaces what {quoted(target)} holds (overwritten): `{sign}` belongs there"
                    yield Edit("overwritten", said, {statement: [ast.AugAssign(target, op, value)]})
                if isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.USub):
                    said = f"`=` replaces what {quoted(target)} holds (overwritten): `-=` belongs there"
                    yield Edit("overwritten", said, {statement: [ast.AugAssign(target, ast.Sub(), value.operand)]})
                if isinstance(target, ast.Subscript):
                    yield _accumulated(statement, target, value)
            case ast.AugAssign(target, op, value):
                other: ast.operator = ast.Add() if isinstance(op, ast.Sub) else ast.Sub()
                if isinstance(op, ast.Add | ast.Sub):
                    said = (
                        f"the sign is wrong: {quoted(value)} is {'subtracted' if isinstance(op, ast.Sub) else 'added'}"
                    )
                    yield Edit("sign", said, {statement: [ast.AugAssign(target, other, value)]})
                else:
                    other = ast.Mult() if isinstance(op, ast.Div) else ast.Div()
                    words = ("divided", "multiplied") if isinstance(op, ast.Div) else ("multiplied", "divided")
                    said = f"{quoted(target)} is {words[0]} by {quoted(value)}, where it must be {words[1]}"
                    yield Edit("factor", said, {statement: [ast.AugAssign(target, other, value)]})
                if isinstance(op, ast.Add) and isinstance(target, ast.Subscript):
                    yield _accumulated(statement, target, value)
                said = f"`{SYMBOLS.get(type(op), '')}=` changes what {quoted(target)} holds, where `=` belongs"
                yield Edit("added", said, {statement: [ast.Assign([target], value)]})


def repeats(cell: StudentCell) -> Iterator[Edit]:
    """Yield a statement that is done twice, and one that does not belong there."""
    for statement in _all(cell):
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr | ast.For) and len(_statements(cell)) > 1:
            same = [other for other in _statements(cell) if ast.unparse(other) == ast.unparse(statement)]
            if len(same) > 1:
                said = f"{quoted(statement)} is done twice: it is counted once too often"
                yield Edit("path-twice", said, {statement: []})
            else:
                yield Edit("function", f"{quoted(statement)} does not belong there", {statement: []})


def _accumulated(statement: ast.AST, target: ast.Subscript, value: ast.expr) -> Edit:
    """Return the statement with all numbers for one place added up."""
    index = target.slice if isinstance(target.slice, ast.Tuple) else ast.Tuple([target.slice], ast.Load())
    put = ast.Attribute(target.value, "index_put_", ast.Load())
    tree = ast.Call(put, [index, value], [ast.keyword("accumulate", ast.Constant(True))])
    said = f"`{ast.unparse(target)} =`: {ACCUMULATES}"
    if isinstance(statement, ast.AugAssign):
        said = f"`{ast.unparse(target)} +=`: {ACCUMULATES}"
    return Edit("overwritten", said, {statement: [ast.Expr(tree)]})


def starts(cell: StudentCell) -> Iterator[Edit]:
    """Yield what a gradient starts from where it must start from zeros, and functions that do not add up."""
    for node in cell.nodes:
        match node:
            case ast.Call(ast.Attribute(base, name) as func, args, keywords):
                zeros = ast.Attribute(ast.Name("torch", ast.Load()), "zeros_like", ast.Load())
                if name == "clone" and not args:
                    said = f"this starts from {quoted(base)}, which is added to the gradient: it must start from zeros"
                    yield Edit("added", said, {node: ast.Call(zeros, [base], [])})
                if name in ("ones_like", "full_like", "rand_like", "empty_like") and is_module(base) and args:
                    said = f"this starts from {quoted(node)}, which is added to the gradient: it must start from zeros"
                    yield Edit("added", said, {node: ast.Call(zeros, args[:1], [])})
                if name in ("ones", "zeros") and not keywords:
                    other = ast.Attribute(base, "zeros" if name == "ones" else "ones", ast.Load())
                    said = f"`{name}` stands where `{other.attr}` belongs"
                    yield Edit("added", said, {node: ast.Call(other, args, keywords)})
                if name in ("scatter_", "scatter"):
                    adds = ast.Attribute(base, name.replace("scatter", "scatter_add"), ast.Load())
                    yield Edit("overwritten", f"`{name}`: {ACCUMULATES}", {node: ast.Call(adds, args, [])})
                if name in ("index_put_", "index_put") and not any(k.arg == "accumulate" for k in keywords):
                    words = [*keywords, ast.keyword("accumulate", ast.Constant(True))]
                    said = f"`{name}` without accumulate=True: {ACCUMULATES}"
                    yield Edit("overwritten", said, {node: ast.Call(func, args, words)})
                if name in ("index_copy_", "index_copy"):
                    adds = ast.Attribute(base, name.replace("copy", "add"), ast.Load())
                    yield Edit("overwritten", f"`{name}`: {ACCUMULATES}", {node: ast.Call(adds, args, keywords)})


def indices(cell: StudentCell) -> Iterator[Edit]:
    """Yield an index of an assignment that picks other places than the line does."""
    scene = cell.trial.scene
    picked = [
        node.slice
        for route in scene.routes
        for line in route.lines
        for node in ast.walk(ast.parse(line.source))
        if isinstance(node, ast.Subscript)
    ]
    for statement in _all(cell):
        match statement:
            case ast.Assign([ast.Subscript(_, index)]) | ast.AugAssign(ast.Subscript(_, index)):
                for other in picked:
                    if ast.unparse(other) != ast.unparse(index):
                        said = f"the index `[{_index(index)}]` picks other places than the line does, "
                        said += f"`[{_index(other)}]`"
                        yield Edit("elsewhere", said, {index: other})


def _index(index: ast.expr) -> str:
    """Return an index as it is written."""
    inner = ast.unparse(index)
    return inner[1:-1] if isinstance(index, ast.Tuple) and inner.startswith("(") else inner


def _is_known(target: ast.expr, value: ast.expr, cell: StudentCell) -> bool:
    """Return whether the target may have held something before that the value does not hold already."""
    held = {part.id for part in ast.walk(value) if isinstance(part, ast.Name)}
    return isinstance(target, ast.Subscript) or (isinstance(target, ast.Name) and target.id == cell.name not in held)


def _all(cell: StudentCell) -> list[ast.AST]:
    return [node for top in cell.body for node in ast.walk(top)]


def _statements(cell: StudentCell) -> list[ast.AST]:
    return [node for node in _all(cell) if isinstance(node, ast.stmt)]
