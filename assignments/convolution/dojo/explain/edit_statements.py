"""Changes of statements and indices: `=` for `+=`, what the gradient starts from, parts that are left out, repeats."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .cell import StudentCell
from .edit import SYMBOLS, Edit, called, is_module, quoted
from .evaluate import Original
from .forward import Tensor

ACCUMULATES = "several examples pick the same place, and only one of them is kept: add them all up"


def parts(cell: StudentCell) -> Iterator[Edit]:
    """Yield an index that leaves a part out: once, or wherever the same index stands."""
    groups: dict[str, list[ast.Subscript]] = {}
    for node in cell.all_nodes:
        if isinstance(node, ast.Subscript) and isinstance(cell.values.get(node.value), Tensor | list):
            groups.setdefault(index_text(node.slice), []).append(node)
    for index, nodes in groups.items():
        some = [[node] for node in nodes] + ([nodes] if len(nodes) > 1 else [])
        for group in some:
            of = " and ".join(dict.fromkeys(quoted(node.value) for node in group))
            said = f"`[{index}]` takes only a part of {of}; all of it, every row, is needed"
            yield Edit("subset", said, {node: node.value for node in group})
            if len(group) > 1 and any(isinstance(entry, ast.Constant) for entry in _entries(group[0].slice)):
                yield Edit("subset", said, {node: called(node.value, "flatten", 0, 1) for node in group}, False)
            if len(group) == 1 and isinstance(group[0].slice, ast.Constant) and type(group[0].slice.value) is int:
                said = f"`[{index}]` takes only one row of {of}: the sum over all of them is needed"
                yield Edit("subset", said, {group[0]: called(group[0].value, "sum", 0)})
    for node in cell.all_nodes:
        if isinstance(node, ast.Subscript):
            yield from _other_halves(node)


def _other_halves(node: ast.Subscript) -> Iterator[Edit]:
    """Yield the other part of a tensor that is cut in two: `x[:, :half]` for `x[:, half:]`."""
    entries = _entries(node.slice)
    for place, entry in enumerate(entries):
        if isinstance(entry, ast.Slice) and entry.step is None and (entry.lower is None) != (entry.upper is None):
            other = [*entries[:place], ast.Slice(entry.upper, entry.lower), *entries[place + 1 :]]
            rest = ast.Subscript(node.value, ast.Tuple(other, ast.Load()) if len(other) > 1 else other[0], ast.Load())
            yield Edit("subset", f"{quoted(node)} takes one part where the other belongs, {quoted(rest)}", {node: rest})


def _entries(index: ast.expr) -> list[ast.expr]:
    return index.elts if isinstance(index, ast.Tuple) else [index]


def batches(cell: StudentCell) -> Iterator[Edit]:
    """Yield a product of one example where the sum of all of them belongs."""
    for node in cell.all_nodes:
        match node:
            case ast.BinOp(left, ast.MatMult() as op, right):
                one, other = _all_examples(left), _all_examples(right)
                if one is not None and other is not None:
                    said = f"{quoted(node)} takes only a part of the examples: add up the products of all of them"
                    yield Edit("subset", said, {node: called(ast.BinOp(one, op, other), "sum", 0)})


def _all_examples(node: ast.expr) -> ast.expr | None:
    """Return a factor for all examples: `x` for `x[0]`, and its transpose for `x[0].T`; None for other factors."""
    match node:
        case ast.Subscript(base, ast.Constant() | ast.UnaryOp(ast.USub(), ast.Constant())):
            return base
        case ast.Attribute(ast.Subscript(base, ast.Constant() | ast.UnaryOp(ast.USub(), ast.Constant())), "T"):
            return called(base, "transpose", -2, -1)
    return None


def assignments(cell: StudentCell) -> Iterator[Edit]:
    """Yield `=` for `+=`, `+=` for `=`, a statement that is done twice, and one that does not belong there."""
    yield from repeats(cell)
    for statement in cell.all_nodes:
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
                if isinstance(op, ast.Add | ast.Sub) and isinstance(target, ast.Subscript):
                    more = ast.UnaryOp(ast.USub(), Original(value)) if isinstance(op, ast.Sub) else value
                    yield _accumulated(statement, target, more)
                said = f"`{SYMBOLS.get(type(op), '')}=` changes what {quoted(target)} holds, where `=` belongs"
                yield Edit("added", said, {statement: [ast.Assign([target], value)]})


def too_early(cell: StudentCell) -> Iterator[Edit]:
    """Yield a factor that is given before something is added that needs it too: `dx /= n`, then `dx[i] -= 1`."""
    last = cell.body[-1]
    for statement in cell.body[:-1]:
        match statement:
            case ast.AugAssign(ast.Name(name), ast.Div() | ast.Mult()) if name == cell.name:
                said = f"{quoted(statement)} comes too early: what {quoted(last)} adds needs this factor too"
                yield Edit("factor", said, {statement: [], last: [last, statement]})


def repeats(cell: StudentCell) -> Iterator[Edit]:
    """Yield a statement that is done twice, and one that does not belong there."""
    for statement in cell.all_nodes:
        if isinstance(statement, ast.Assign | ast.AugAssign | ast.Expr | ast.For) and len(cell.statements) > 1:
            if isinstance(statement, ast.For) and not _is_read(statement):
                said = f"the loop over {quoted(statement.iter)} does the same in each round: "
                said += "what it adds is counted several times"
                yield Edit("path-twice", said, {statement: statement.body})
            same = [other for other in cell.statements if ast.unparse(other) == ast.unparse(statement)]
            if len(same) > 1:
                said = f"{quoted(statement)} is done twice: it is counted once too often"
                yield Edit("path-twice", said, {statement: []})
            else:
                yield Edit("function", f"{quoted(statement)} does not belong there", {statement: []})


def _is_read(loop: ast.For) -> bool:
    """Return whether the body of a loop reads what the loop counts with."""
    counted = {part.id for part in ast.walk(loop.target) if isinstance(part, ast.Name)}
    names = (part for top in loop.body for part in ast.walk(top) if isinstance(part, ast.Name))
    return any(name.id in counted and isinstance(name.ctx, ast.Load) for name in names)


def _accumulated(statement: ast.AST, target: ast.Subscript, value: ast.expr) -> Edit:
    """Return the statement with all numbers for one place added up."""
    index = target.slice if isinstance(target.slice, ast.Tuple) else ast.Tuple([target.slice], ast.Load())
    picked = [axis for axis, entry in enumerate(index.elts) if not isinstance(entry, ast.Slice)]
    if len(picked) == 1 < len(index.elts):
        add = ast.Attribute(target.value, "index_add_", ast.Load())
        tree = ast.Call(add, [ast.Constant(picked[0]), index.elts[picked[0]], value], [])
    else:
        put = ast.Attribute(target.value, "index_put_", ast.Load())
        tree = ast.Call(put, [index, value], [ast.keyword("accumulate", ast.Constant(True))])
    said = f"`{ast.unparse(target)} =`: {ACCUMULATES}"
    if isinstance(statement, ast.AugAssign):
        said = f"`{ast.unparse(target)} {SYMBOLS.get(type(statement.op), '')}=`: {ACCUMULATES}"
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
                if name in ("index_add", "index_put", "scatter_add") and isinstance(base, ast.Name):
                    said = f"this starts from {quoted(base)}, which is added to the gradient: it must start from zeros"
                    yield Edit("added", said, {base: ast.Call(zeros, [Original(base)], [])})
                if name in ("ones_like", "full_like", "rand_like", "empty_like") and is_module(base) and args:
                    said = f"this starts from {quoted(node)}, which is added to the gradient: it must start from zeros"
                    yield Edit("added", said, {node: ast.Call(zeros, args[:1], [])})
                if name in ("ones", "zeros") and not keywords:
                    other = ast.Attribute(base, "zeros" if name == "ones" else "ones", ast.Load())
                    said = f"`{name}` stands where `{other.attr}` belongs"
                    yield Edit("added", said, {node: ast.Call(other, args, keywords)})
                if name in ("scatter_", "scatter"):
                    adds = ast.Attribute(base, name.replace("scatter", "scatter_add"), ast.Load())
                    said = (
                        f"`{name}` replaces what a place holds (overwritten), and only one of several is kept there: "
                    )
                    said += f"`{adds.attr}` adds all of them up"
                    yield Edit("overwritten", said, {node: ast.Call(adds, args, [])})
                if name in ("index_put_", "index_put") and not any(k.arg == "accumulate" for k in keywords):
                    words = [*keywords, ast.keyword("accumulate", ast.Constant(True))]
                    said = f"`{name}` without accumulate=True: {ACCUMULATES}"
                    yield Edit("overwritten", said, {node: ast.Call(func, args, words)})
                if name in ("index_copy_", "index_copy"):
                    adds = ast.Attribute(base, name.replace("copy", "add"), ast.Load())
                    yield Edit("overwritten", f"`{name}`: {ACCUMULATES}", {node: ast.Call(adds, args, keywords)})


def index_text(index: ast.expr) -> str:
    """Return an index as it is written, without the brackets around several entries."""
    inner = ast.unparse(index)
    return inner[1:-1] if isinstance(index, ast.Tuple) and inner.startswith("(") else inner


def _is_known(target: ast.expr, value: ast.expr, cell: StudentCell) -> bool:
    """Return whether the target may have held something before that the value does not hold already."""
    held = {part.id for part in ast.walk(value) if isinstance(part, ast.Name)}
    return isinstance(target, ast.Subscript) or (isinstance(target, ast.Name) and target.id == cell.name not in held)
