"""Changes within the derivative of a softmax: the sum that it divides by, and the sum that its derivative subtracts."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

import torch

from .cell import StudentCell
from .edit import Edit, binary, called, dims, factors_of, owner_of, product_of, quoted, within_product
from .evaluate import Original
from .forward import Tensor

SUMS_TO_1 = 1e-9  # how far a sum of probabilities may be from 1: rounding of float64


def not_normalised(cell: StudentCell) -> Iterator[Edit]:
    """Yield an exponential where a softmax belongs: it is not divided by its sum."""
    for node in cell.nodes:
        inner = owner_of(node) if isinstance(node, ast.Call) else None
        match node:
            case ast.Call(ast.Attribute(_, "exp")) if inner is not None:
                for axis in range(dims(cell.values.get(inner))):
                    said = f"{quoted(node)} is not divided by its sum over axis {axis}, as softmax is"
                    yield Edit("function", said, {node: called(inner, "softmax", axis)})


def missing_sums(cell: StudentCell) -> Iterator[Edit]:
    """Yield a product with probabilities that lacks the sum which the derivative of a softmax subtracts."""
    for node in cell.nodes:
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult) or within_product(node, cell):
            continue
        factors = factors_of(node)
        yield from _diagonal_only(node, factors, cell)
        for shares in dict.fromkeys(factor for factor, above in factors if above):
            axis = probability_axis(cell.values.get(shares))
            if axis is None or not isinstance(cell.values[node], Tensor) or ".sum(" in ast.unparse(node):
                continue  # with a sum of its own, another one may mend what is wrong elsewhere
            said = f"the derivative of softmax subtracts a sum over axis {axis}, which is missing in {quoted(node)}"
            yield Edit("path-missing", said, {node: _with_sum(Original(node), shares, axis)}, False)
            alone = ast.unparse(binary(ast.Constant(1), ast.Sub(), shares))
            rest = [pair for pair in factors if ast.unparse(pair[0]) != alone]
            if len(rest) < len(factors):
                said = (
                    f"`{ast.unparse(shares)} * ({alone})` is the derivative of each element by itself: that of softmax "
                )
                said += f"subtracts a sum over axis {axis}"
                yield Edit("function", said, {node: _with_sum(product_of(rest), shares, axis)}, False)


def _diagonal_only(node: ast.expr, factors: Sequence[tuple[ast.expr, bool]], cell: StudentCell) -> Iterator[Edit]:
    """Yield a product with 1 minus probabilities, in which the derivative of a log-softmax subtracts no sum."""
    for factor in factors:
        match factor:
            case (ast.BinOp(ast.Constant(1 | 1.0), ast.Sub(), shares), True):
                axis = probability_axis(cell.values.get(shares))
                if axis is None:
                    continue
                rest = product_of([other for other in factors if other is not factor])
                tree = _with_sum(rest, shares, axis)
                said = f"{quoted(node)} is the derivative of each element by itself (the diagonal): that of a "
                said += f"log-softmax subtracts a sum over axis {axis}, as in {quoted(tree)}"
                yield Edit("function", said, {node: tree}, False)


def _with_sum(product: ast.expr, shares: ast.expr, axis: int) -> ast.expr:
    total = called(product, "sum", axis, keepdim=True)
    return binary(product, ast.Sub(), binary(shares, ast.Mult(), total))


def probability_axis(value: object) -> int | None:
    """Return the axis along which a tensor holds probabilities, the last of several; None where it does not."""
    if not isinstance(value, Tensor) or not value.is_floating_point() or not value.numel() or bool((value < 0).any()):
        return None
    for axis in reversed(range(value.dim())):
        sums = value.sum(axis)
        if value.shape[axis] > 1 and torch.allclose(sums, torch.ones_like(sums), rtol=SUMS_TO_1, atol=0):
            return axis
    return None
