"""Changes of operators and brackets."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .cell import StudentCell
from .edit import (
    SYMBOLS,
    Edit,
    binary,
    quoted,
)

OPERATORS: dict[type[ast.operator], tuple[ast.operator, ...]] = {
    ast.Mult: (ast.Div(), ast.Add(), ast.Sub(), ast.MatMult()),
    ast.Div: (ast.Mult(),),
    ast.Add: (ast.Mult(),),
    ast.Sub: (ast.Mult(),),
    ast.FloorDiv: (ast.Div(),),
}


def operators(cell: StudentCell) -> Iterator[Edit]:
    """Yield an operator that stands where another belongs, a quotient upside down, or a power's sign."""
    for node in cell.nodes:
        match node:
            case ast.BinOp(left, op, right):
                for other in OPERATORS.get(type(op), ()):
                    now, then = SYMBOLS[type(op)], SYMBOLS[type(other)]
                    said = f"`{now}` stands where `{then}` belongs, before {quoted(right)}"
                    words = {"+": "added", "-": "subtracted", "*": "multiplied"}
                    if now in words and then in words:
                        said = f"{quoted(left)} and {quoted(right)} are {words[now]}, where they must be {words[then]}"
                    if (now, then) == ("*", "/"):
                        said = f"this is multiplied by {quoted(right)}, where it must be divided"
                    elif (now, then) == ("/", "*"):
                        said = f"this is divided by {quoted(right)}, where it must be multiplied"
                    elif now == "//":
                        said = f"`//` drops what is behind the point, which makes this zero: {quoted(node)} needs `/`"
                    yield Edit("function", said, {node: binary(left, other, right)})
                if isinstance(op, ast.Div):
                    said = f"{quoted(node)} is upside down: what divides belongs above"
                    yield Edit("function", said, {node: binary(right, op, left)})
            case ast.Compare(left, [op], [right]):
                for other_op in (ast.Gt(), ast.Lt(), ast.NotEq(), ast.Eq(), ast.GtE(), ast.LtE()):
                    if type(other_op) is not type(op):
                        tree = ast.Compare(left, [other_op], [right])
                        said = f"the comparison {quoted(node)} stands where {quoted(tree)} belongs"
                        yield Edit("function", said, {node: tree})
                for limit in (0, 1, -1):
                    if ast.unparse(right) != str(limit):
                        tree = ast.Compare(left, [op], [ast.Constant(limit)])
                        said = f"the limit of the comparison {quoted(node)} is wrong: {quoted(tree)} belongs there"
                        yield Edit("function", said, {node: tree})


def inverses(cell: StudentCell) -> Iterator[Edit]:
    """Yield a division by what the line multiplies by."""
    for node in cell.nodes:
        match node:
            case ast.BinOp(left, ast.Div(), ast.Name(name) as right) if name in (*cell.line_names, *cell.own_names):
                said = f"this is divided by {quoted(right)}, where it must be multiplied"
                yield Edit("function", said, {node: binary(left, ast.Mult(), right)})


def brackets(cell: StudentCell) -> Iterator[Edit]:
    """Yield brackets that are missing or stand elsewhere."""
    for node in cell.nodes:
        if not (isinstance(node, ast.BinOp) and isinstance(node.left, ast.Name) and node.left.id == cell.name):
            yield from _of_products(node)  # what earlier paths gave has factors of its own
        yield from _of_matrix_products(node)
        yield from _of_powers(node)


def narrow_powers(cell: StudentCell) -> Iterator[Edit]:
    """Yield a power that takes one factor or term where it must take all: without a bracket, as it was meant or not."""
    for node in cell.nodes:
        match node:
            case ast.BinOp(
                left, ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as op, ast.BinOp(right, ast.Pow() as power, by)
            ):
                whole = binary(left, op, right)
                said = f"the brackets are wrong: the power takes {quoted(right)} alone, not the whole {quoted(whole)}"
                yield Edit("function", said, {node: binary(whole, power, by)})


def _of_matrix_products(node: ast.expr) -> Iterator[Edit]:
    match node:
        case ast.BinOp(ast.BinOp(left, ast.Add() | ast.Sub() as joins, right), ast.MatMult() as by, matrix):
            takes = f"the brackets are wrong: `@ {ast.unparse(matrix)}` takes"
            said = f"{takes} {quoted(right)} alone, not {quoted(left)} too"
            yield Edit("function", said, {node: binary(left, joins, binary(right, by, matrix))})
            said = f"{takes} {quoted(left)} alone, not {quoted(right)} too"
            yield Edit("function", said, {node: binary(binary(left, by, matrix), joins, right)})


def _of_products(node: ast.expr) -> Iterator[Edit]:
    match node:
        case ast.BinOp(left, ast.Add() | ast.Sub() as joins, ast.BinOp(inner, ast.Mult() | ast.Div() as by, right)):
            whole = binary(left, joins, inner)
            yield Edit("function", _takes(by, inner, whole), {node: binary(whole, by, right)})
    match node:
        case ast.BinOp(ast.BinOp(inner, ast.Mult() | ast.Div() as by, right), ast.Add() | ast.Sub() as joins, other):
            whole = binary(right, joins, other)
            yield Edit("function", _takes(by, right, whole), {node: binary(inner, by, whole)})
            if isinstance(other, ast.BinOp) and isinstance(other.op, ast.Mult | ast.Div):
                start, rest = _head(other)
                whole = binary(right, joins, start)
                tree: ast.expr = binary(inner, by, whole)
                for next_op, factor in rest:
                    tree = binary(tree, next_op, factor)
                yield Edit("function", _takes(by, right, whole), {node: tree})
            whole = binary(inner, joins, other)
            yield Edit("function", _takes(by, inner, whole), {node: binary(whole, by, right)})
    match node:
        case ast.BinOp(ast.BinOp(left, ast.Mult() | ast.Div() as by, middle), ast.Mult() | ast.Div() as op, right):
            together = binary(middle, op, right)
            said = f"a bracket is missing: {quoted(together)} belongs together"
            yield Edit("function", said, {node: binary(left, by, together)})


def _head(product: ast.expr) -> tuple[ast.expr, list[tuple[ast.operator, ast.expr]]]:
    """Return the first factor of a product, and the others with their operators."""
    match product:
        case ast.BinOp(left, ast.Mult() | ast.Div() as op, right):
            first, rest = _head(left)
            return first, [*rest, (op, right)]
    return product, []


def _takes(by: ast.operator, part: ast.expr, whole: ast.expr) -> str:
    return f"a bracket is missing: `{SYMBOLS[type(by)]}` takes {quoted(part)} only, not the whole {quoted(whole)}"


def _of_powers(node: ast.expr) -> Iterator[Edit]:
    match node:
        case ast.BinOp(
            ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as op, right), ast.Pow() as power, by
        ):
            for part, tree in (
                (right, binary(left, op, binary(right, power, by))),
                (left, binary(binary(left, power, by), op, right)),
            ):
                said = (
                    f"the brackets are wrong: the power takes the whole {quoted(node.left)}, not {quoted(part)} alone"
                )
                yield Edit("function", said, {node: tree})
