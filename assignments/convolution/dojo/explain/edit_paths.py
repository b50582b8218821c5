"""Changes of how several paths come together: multiplied or averaged where they must be added or joined."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from itertools import permutations

from .cell import StudentCell
from .edit import SYMBOLS, Edit, binary, factors_of, product_of, quoted, within_product
from .forward import Tensor

MOST = 3  # terms of a sum that are tried in every order
ADDED = "what comes by several paths must be added (`+`)"


def multiplied_paths(cell: StudentCell) -> Iterator[Edit]:
    """Yield paths that are multiplied where they must be added."""
    for node in cell.nodes:
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult | ast.Div) or within_product(node, cell):
            continue
        factors = factors_of(node)
        for first in range(1, len(factors)):
            one, other = product_of(factors[:first]), product_of(factors[first:])
            if not (_carries(one, cell) and _carries(other, cell)):
                continue
            said = f"{quoted(one)} and {quoted(other)} are multiplied: {ADDED}"
            yield Edit("function", said, {node: binary(one, ast.Add(), other)})
        above = [factor for factor, up in factors if up]
        if len(above) == len(factors) > 2 and all(_carries(factor, cell) for factor in above):
            said = f"{', '.join(map(quoted, above[:-1]))} and {quoted(above[-1])} are multiplied: {ADDED}"
            yield Edit("function", said, {node: _sum(above)})


def sums_multiplied(cell: StudentCell) -> Iterator[Edit]:
    """Yield a product of two sums that must be a sum of products: `(a + b) @ (c + d).T`."""
    for node in cell.nodes:
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult | ast.MatMult):
            continue
        left, right = _turned_terms(node.left), _turned_terms(node.right)
        if not 1 < len(left) == len(right) <= MOST:
            continue
        for others in permutations(right):
            products: list[ast.expr] = [binary(one, node.op, other) for one, other in zip(left, others, strict=True)]
            said = (
                f"two sums are multiplied (`{SYMBOLS[type(node.op)]}`): each gradient belongs to a factor of its own, "
            )
            said += f"{', '.join(map(quoted, products[:-1]))} and {quoted(products[-1])}, and these products are added"
            yield Edit("function", said, {node: _sum(products)})


def _turned_terms(node: ast.expr) -> list[ast.expr]:
    """Return the terms of a sum, each transposed where the sum is: `c.T` and `d.T` of `(c + d).T`."""
    match node:
        case ast.Attribute(inner, name):
            return [ast.Attribute(term, name, ast.Load()) for term in _turned_terms(inner)]
        case ast.Call(ast.Attribute(inner, name), args, keywords):
            return [ast.Call(ast.Attribute(t, name, ast.Load()), args, keywords) for t in _turned_terms(inner)]
    return _terms(node)


def averaged_paths(cell: StudentCell) -> Iterator[Edit]:
    """Yield paths that are averaged where they must be added: `(a + b) / 2`, `0.5 * a + 0.5 * b`."""
    for node in cell.nodes:
        scaled = _scaled(node)
        if scaled is not None and len(_terms(scaled[1])) > 1 and all(_carries(t, cell) for t in _terms(scaled[1])):
            said = (
                f"the sum {quoted(scaled[1])} is multiplied by {scaled[0]:.3g}, as in an average: {ADDED}, not averaged"
            )
            yield Edit("factor", said, {node: scaled[1]})
        match node:
            case ast.BinOp(left, ast.Add(), right) if (one := _scaled(left)) and (other := _scaled(right)):
                if one[0] == other[0] and _carries(left, cell) and _carries(right, cell):
                    said = f"each path is multiplied by {one[0]:.3g}, as in an average: {ADDED}, not averaged"
                    yield Edit("factor", said, {node: binary(one[1], ast.Add(), other[1])})
            case ast.Call(ast.Attribute(ast.Call(ast.Attribute(_, "stack")) as stacked, "mean"), args, keywords):
                said = f"{quoted(node)} averages the paths: {ADDED}, not averaged"
                total = ast.Call(ast.Attribute(stacked, "sum", ast.Load()), args, keywords)
                yield Edit("factor", said, {node: total})


def _scaled(node: ast.expr) -> tuple[float, ast.expr] | None:
    """Return (factor, the rest) of `0.5 * a`, `a * 0.5` or `a / 2`; None for anything else."""
    match node:
        case ast.BinOp(ast.Constant(float() as by), ast.Mult(), rest):
            return by, rest
        case ast.BinOp(rest, ast.Mult(), ast.Constant(float() as by)):
            return by, rest
        case ast.BinOp(rest, ast.Div(), ast.Constant(int() | float() as by)) if by:
            return 1 / by, rest
    return None


def side_by_side(cell: StudentCell) -> Iterator[Edit]:
    """Yield terms that are added where they must stand beside each other, as the blocks of the tensor."""
    total = cell.trial.total
    for node in cell.nodes:
        value, terms = cell.values[node], _terms(node)
        if len(terms) < 2 or not isinstance(value, Tensor) or value.dim() != total.dim():
            continue
        for axis in range(total.dim()):
            if value.shape[axis] * len(terms) == total.shape[axis]:
                said = f"{', '.join(map(quoted, terms[:-1]))} and {quoted(terms[-1])} are added, but they belong to "
                said += f"different parts of `{cell.trial.scene.tensor}`: put them side by side, with torch.cat"
                whole = ast.Call(
                    ast.Attribute(ast.Name("torch", ast.Load()), "cat", ast.Load()),
                    [ast.List(list(terms), ast.Load()), ast.Constant(axis)],
                    [],
                )
                yield Edit("order", said, {node: whole})


def _carries(node: ast.expr, cell: StudentCell) -> bool:
    """Return whether a gradient stands in a node, the cell's own from an earlier path among them."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    return any(name == cell.name or cell.is_gradient(name) for name in names)


def _terms(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp(left, ast.Add(), right):
            return [*_terms(left), right]
    return [node]


def _sum(terms: Sequence[ast.expr]) -> ast.expr:
    total = terms[0]
    for term in terms[1:]:
        total = binary(total, ast.Add(), term)
    return total
