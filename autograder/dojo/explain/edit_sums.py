"""Changes of what is inside a sum: summed too early or too late, factors at the wrong term."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations, permutations

from .cell import StudentCell
from .edit import (
    Edit,
    binary,
    called,
    factors_of,
    is_module,
    owner_of,
    product_of,
    quoted,
    terms_of,
    within_product,
)
from .evaluate import Original
from .forward import Tensor


def sums_too_early(cell: StudentCell) -> Iterator[Edit]:
    """Yield factors that are summed before they are multiplied, or products summed where a factor is to be."""
    for node in cell.nodes:
        match node:
            case ast.BinOp(left, ast.Mult() | ast.MatMult() as op, right):
                yield from _too_early(node, left, op, right)
            case ast.Call(ast.Attribute(base, "outer"), [left, right]) if is_module(base):
                yield from _too_early(node, left, ast.MatMult(), right)
            case ast.Call(ast.Attribute(ast.BinOp(left, op, right) as inner, "sum" | "mean" as name), args, keywords):
                for summed in (left, right):
                    done = ast.Call(ast.Attribute(summed, name, ast.Load()), args, keywords)
                    tree = binary(done, op, right) if summed is left else binary(left, op, done)
                    said = f"{quoted(inner)} is summed as a whole, where only {quoted(summed)} is to be summed"
                    yield Edit("not-summed", said, {node: tree})


def products_of_sums(cell: StudentCell) -> Iterator[Edit]:
    """Yield a product of two sums over the examples that must be a sum of products: `x.sum(0)[:, None] * dy.sum(0)`."""
    for node in cell.nodes:
        match node:
            case ast.BinOp(left, ast.Mult(), right):
                one, other = _unsummed(_narrow(left)), _unsummed(_narrow(right))
                if one is not None and other is not None:
                    tree = binary(ast.Attribute(one, "T", ast.Load()), ast.MatMult(), other)
                    said = (
                        f"{quoted(left)} and {quoted(right)} are summed before the product: multiply first, then sum "
                    )
                    said += f"the products, {quoted(tree)}"
                    yield Edit("not-summed", said, {node: tree})


def sums_multiplied(cell: StudentCell) -> Iterator[Edit]:
    """Yield a product of two sums over the same axes that must be the sum of the products."""
    own = {ast.unparse(top.targets[0]): top.value for top in cell.body if isinstance(top, ast.Assign)}
    for node in cell.nodes:
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, ast.Mult) or within_product(node, cell):
            continue
        factors = factors_of(node)
        sums = [(pair, own.get(ast.unparse(pair[0]), pair[0])) for pair in factors if pair[1]]
        for (one, left), (other, right) in combinations(sums, 2):
            match left, right:
                case ast.Call(ast.Attribute(first, how), args, words), ast.Call(ast.Attribute(second)):
                    pass
                case _:
                    continue
            if how in ("sum", "mean") and ast.dump(right) == ast.dump(
                ast.Call(ast.Attribute(second, how, ast.Load()), args, words)
            ):
                total = ast.Call(ast.Attribute(binary(first, ast.Mult(), second), how, ast.Load()), args, words)
                said = f"{quoted(left)} and {quoted(right)} are summed before the product: multiply first, then sum "
                rest = [pair for pair in factors if pair not in (one, other)]
                tree = product_of([(total, True), *rest])
                yield Edit("not-summed", f"{said}the products, {quoted(total)}", {node: tree})


def _narrow(node: ast.expr) -> ast.expr:
    """Return what an axis of size 1 is added to: `x.sum(0)` of `x.sum(0)[:, None]`."""
    match node:
        case ast.Subscript(inner, ast.Tuple(entries)) if any(isinstance(e, ast.Constant) for e in entries):
            return inner
        case ast.Call(ast.Attribute(inner, "unsqueeze")):
            return inner
    return node


def sums_too_late(cell: StudentCell) -> Iterator[Edit]:
    """Yield a factor that stands outside a sum and belongs inside it."""
    for node in cell.nodes:
        if not isinstance(node, ast.BinOp) or within_product(node, cell):
            continue
        factors = factors_of(node)
        for summed, above in factors:
            if not isinstance(summed, ast.Call) or not isinstance(summed.func, ast.Attribute) or not above:
                continue
            if summed.func.attr not in ("sum", "mean") or is_module(summed.func.value):
                continue
            for pair in factors:
                factor, keeps = pair[0], []
                if factor is summed or not pair[1] or not isinstance(cell.values.get(factor), Tensor):
                    continue
                match factor:
                    case ast.BinOp(root, ast.Pow(), ast.Constant(2)):
                        factor, keeps = root, [(root, True)]
                inside = ast.Attribute(binary(summed.func.value, ast.Mult(), factor), summed.func.attr, ast.Load())
                whole = ast.Call(inside, summed.args, summed.keywords)
                rest = [each for each in factors if each is not pair and each[0] is not summed]
                said = f"{quoted(factor)} is multiplied behind the sum {quoted(summed)}: "
                said += f"it belongs inside, {quoted(whole)}"
                yield Edit("not-summed", said, {node: product_of([*keeps, *rest, (whole, True)])})


def factors_elsewhere(cell: StudentCell) -> Iterator[Edit]:
    """Yield numbers that are factors of one term of a sum and belong to another."""
    for node in cell.nodes:
        inner = isinstance(cell.parents.get(node), ast.BinOp) and _joins(cell.parents[node])
        terms = [] if inner else [term for term, _ in terms_of(node)]
        for one, other in permutations(terms, 2):
            pairs = factors_of(one)
            numbers = [pair for pair in pairs if not isinstance(cell.values.get(pair[0]), Tensor)]
            if not numbers or len(numbers) == len(pairs):
                continue
            rest = product_of([pair for pair in pairs if pair not in numbers])
            said = f"the factor {quoted(product_of(numbers))} stands at {quoted(rest)}, and belongs to {quoted(other)}"
            yield Edit("factor", said, {one: rest, other: product_of([*numbers, (Original(other), True)])})


def _joins(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub)


def _too_early(node: ast.expr, left: ast.expr, op: ast.operator, right: ast.expr) -> Iterator[Edit]:
    one, other = _unsummed(left), _unsummed(right)
    for first, second in ((one, right), (left, other), (one, other)):
        if first is None or second is None:
            continue
        early = [summed for summed, new in ((left, first), (right, second)) if summed is not new]
        said = f"{' and '.join(map(quoted, early))} {'is' if len(early) == 1 else 'are'} summed before the product: "
        said += "multiply first, then sum the products"
        if isinstance(op, ast.Mult):
            total = _summing(early[0])
            if total is not None:
                product = ast.Attribute(binary(first, op, second), "sum", ast.Load())
                yield Edit("not-summed", said, {node: ast.Call(product, total.args, total.keywords)})
            if first is one and second is other:
                product_of_all = binary(first, ast.MatMult(), called(second, "transpose", -2, -1))
                yield Edit("not-summed", f"{said} (`@`)", {node: product_of_all}, False)
            continue
        for turned in (first, first.value if isinstance(first, ast.Attribute) else called(first, "transpose", -2, -1)):
            product_of_all = binary(turned, op, second)
            yield Edit("not-summed", said, {node: product_of_all})
            yield Edit("not-summed", said, {node: called(product_of_all, "sum", 0)})
            plain = turned.value if isinstance(turned, ast.Attribute) else turned
            batched = binary(called(plain, "transpose", -2, -1), op, second)
            yield Edit("not-summed", said, {node: called(batched, "sum", 0)})
        if isinstance(second, ast.Attribute):  # `.T` turns all axes of a batch
            batched = binary(first, op, called(second.value, "transpose", -2, -1))
            yield Edit("not-summed", said, {node: called(batched, "sum", 0)})


def _summing(node: ast.expr) -> ast.Call | None:
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Attribute) and part.func.attr in ("sum", "mean"):
            return part
    return None


def _unsummed(node: ast.expr) -> ast.expr | None:
    """Return an operand without its sum: `h` for `h.sum(0)`, `h.T` for `h.sum(0).T`; None where it has none."""
    match node:
        case ast.Call(ast.Attribute(_, "sum" | "mean")):
            return owner_of(node)
        case ast.Attribute(inner, "T"):
            found = _unsummed(inner)
            return None if found is None else ast.Attribute(found, "T", ast.Load())
    return None
