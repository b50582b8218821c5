"""Changes of which places of a tensor count: copies in another order, the diagonal alone, 1 minus a value."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .cell import StudentCell
from .edit import Edit, binary, called, is_module, owner_of, quoted
from .evaluate import Original


def copies(cell: StudentCell) -> Iterator[Edit]:
    """Yield copies of a tensor that stand one behind the other where each element is to be repeated, or the reverse."""
    for node in cell.nodes:
        match node:
            case ast.Call(ast.Attribute(base, "repeat" | "tile"), args) if not is_module(base):
                many = [axis for axis, arg in enumerate(args) if not (isinstance(arg, ast.Constant) and arg.value == 1)]
                for axis in many if len(many) == 1 else ():
                    func = ast.Attribute(base, "repeat_interleave", ast.Load())
                    tree = ast.Call(func, [args[axis]], [ast.keyword("dim", ast.Constant(axis))])
                    said = (
                        f"{quoted(node)} puts copies of the whole one behind the other, in another order than needed: "
                    )
                    said += "each element must be repeated in its place, as repeat_interleave does"
                    yield Edit("order", said, {node: tree})
            case ast.Call(ast.Attribute(base, "repeat_interleave"), [times, *rest], keywords) if not is_module(base):
                axes = [*rest, *(word.value for word in keywords if word.arg == "dim")]
                value = cell.values.get(base)
                for axis in (a.value for a in axes if isinstance(a, ast.Constant) and isinstance(a.value, int)):
                    ones: list[ast.expr] = [ast.Constant(1)] * getattr(value, "ndim", 0)
                    counts = [*ones[: axis % max(1, len(ones))], times, *ones[axis % max(1, len(ones)) + 1 :]]
                    tree = ast.Call(ast.Attribute(base, "repeat", ast.Load()), counts, [])
                    said = f"{quoted(node)} repeats each element in its place, in another order than needed: copies of "
                    said += "the whole must stand one behind the other, as repeat puts them"
                    yield Edit("order", said, {node: tree})


def diagonals(cell: StudentCell) -> Iterator[Edit]:
    """Yield a diagonal that is taken where all elements count."""
    for node in cell.nodes:
        inner = owner_of(node) if isinstance(node, ast.Call) else None
        match node:
            case ast.Call(ast.Attribute(_, "trace")) if inner is not None:
                said = (
                    f"{quoted(node)} takes only the diagonal of {quoted(inner)}: the sum of all its elements is needed"
                )
                yield Edit("subset", said, {node: called(inner, "sum")})
            case ast.Call(ast.Attribute(_, "diagonal" | "diag")) if inner is not None:
                said = f"{quoted(node)} takes only the diagonal of {quoted(inner)}: all of its elements are needed"
                yield Edit("subset", said, {node: inner})
        match node:
            case ast.BinOp(ast.Subscript(ast.Call(ast.Attribute(_, "diagonal" | "diag")) as call), ast.Mult(), right):
                whole = owner_of(call)
                if whole is not None:
                    said = (
                        f"{quoted(call)} takes only the diagonal of {quoted(whole)}: all of its elements are needed, "
                    )
                    said += f"as in {quoted(tree := binary(whole, ast.MatMult(), right))}"
                    yield Edit("subset", said, {node: tree})


def complements(cell: StudentCell) -> Iterator[Edit]:
    """Yield a value and 1 minus this value that stand in each other's place, everywhere or once."""
    ones: dict[str, list[ast.BinOp]] = {}
    for node in cell.nodes:
        match node:
            case ast.BinOp(ast.Constant(1 | 1.0), ast.Sub(), ast.Name(name)) if not cell.is_gradient(name):
                ones.setdefault(name, []).append(node)
    for name, taken in ones.items():
        inside = {node.right for node in taken}
        plain = [node for node in cell.same.get(name, ()) if node not in inside]
        away = {node: node.right for node in taken}
        other = {node: binary(ast.Constant(1), ast.Sub(), Original(node)) for node in plain}
        if plain:
            said = f"`{name}` and `1 - {name}` are swapped: each stands where the other belongs"
            yield Edit("order", said, {**away, **other})
        for node in taken:
            yield Edit("function", f"`1 - {name}` stands where `{name}` belongs", {node: node.right})
        for node in plain:
            yield Edit("function", f"`{name}` stands where `1 - {name}` belongs", {node: other[node]})
