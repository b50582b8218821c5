"""Changes of operations: operators, brackets, sums taken too early, functions, and arguments in another order."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations, permutations

from .cell import StudentCell
from .edit import (
    SYMBOLS,
    Edit,
    binary,
    called,
    dims,
    factors_of,
    is_module,
    owner_of,
    product_of,
    quoted,
    within_product,
)
from .evaluate import Original
from .forward import Tensor

OPERATORS: dict[type[ast.operator], tuple[ast.operator, ...]] = {
    ast.Mult: (ast.Div(), ast.Add(), ast.Sub(), ast.MatMult()),
    ast.Div: (ast.Mult(),),
    ast.Add: (ast.Mult(),),
    ast.Sub: (ast.Mult(),),
    ast.FloorDiv: (ast.Div(),),
}
FUNCTIONS = {
    "exp": ("log", "sigmoid", "expm1"),
    "log": ("exp", "log_softmax"),
    "tanh": ("sigmoid", "cos"),
    "sigmoid": ("tanh", "exp"),
    "cos": ("sin",),
    "sin": ("cos",),
    "softmax": ("log_softmax", "sigmoid"),
    "log_softmax": ("softmax",),
    "ones_like": ("zeros_like",),
    "argmax": ("argmin",),
    "argmin": ("argmax",),
    "triu": ("tril",),
    "tril": ("triu",),
    "erf": ("exp",),
    "min": ("max",),
    "max": ("min",),
    "sqrt": ("rsqrt",),
    "rsqrt": ("sqrt",),
    "square": ("clone",),
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


def brackets(cell: StudentCell) -> Iterator[Edit]:
    """Yield brackets that are missing or stand elsewhere."""
    for node in cell.nodes:
        if not (isinstance(node, ast.BinOp) and isinstance(node.left, ast.Name) and node.left.id == cell.name):
            yield from _of_products(node)  # what earlier paths gave has factors of its own
        yield from _of_powers(node)


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
        case ast.BinOp(
            left, ast.Add() | ast.Sub() | ast.Mult() | ast.Div() as op, ast.BinOp(right, ast.Pow() as power, by)
        ):
            whole = binary(left, op, right)
            said = f"the brackets are wrong: the power takes {quoted(right)} alone, not the whole {quoted(whole)}"
            yield Edit("function", said, {node: binary(whole, power, by)})


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
        terms = [] if isinstance(cell.parents.get(node), ast.BinOp) and _joins(cell.parents[node]) else _terms_of(node)
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


def _terms_of(node: ast.expr) -> list[ast.expr]:
    match node:
        case ast.BinOp(left, ast.Add() | ast.Sub(), right):
            return [*(_terms_of(left) or [left]), right]
    return []


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


def functions(cell: StudentCell) -> Iterator[Edit]:
    """Yield a function that stands where another belongs, and arguments that are swapped."""
    for node in cell.all_nodes:  # `x.min(1)` is a pair of tensors, and no value by itself
        match node:
            case ast.Call(ast.Attribute(base, name) as func, args, keywords):
                for other in FUNCTIONS.get(name, ()):
                    tree = ast.Call(ast.Attribute(base, other, ast.Load()), args, keywords)
                    yield Edit("function", f"`{name}` stands where `{other}` belongs: {quoted(node)}", {node: tree})
                inner = owner_of(node) or base
                for axis in range(dims(cell.values.get(inner)) if name == "sigmoid" else 0):
                    tree = called(inner, "softmax", axis)
                    said = f"`sigmoid` stands where `softmax` belongs: {quoted(node)} takes each element by itself"
                    yield Edit("function", said, {node: tree})
                if name == "where" and len(args) == 3:
                    tree = ast.Call(func, [args[0], args[2], args[1]], keywords)
                    said = f"{quoted(args[1])} and {quoted(args[2])} are swapped in {quoted(node)}"
                    yield Edit("order", said, {node: tree})
                if name == "masked_fill" and len(args) == 2:
                    tree = ast.Call(func, [ast.UnaryOp(ast.Invert(), args[0]), args[1]], keywords)
                    yield Edit("order", f"the mask {quoted(args[0])} is the wrong way round", {node: tree})
                    zero = ast.Call(func, [args[0], ast.Constant(0.0)], keywords)
                    yield Edit("function", f"{quoted(args[1])} is filled in, expected 0: {quoted(node)}", {node: zero})
                if name in ("scatter", "scatter_", "gather", "index_add", "index_add_", "roll") and args:
                    yield from _along(node, name, cell)


def _along(node: ast.Call, name: str, cell: StudentCell) -> Iterator[Edit]:
    for position, argument in enumerate(node.args):
        if isinstance(argument, ast.Constant) and type(argument.value) is int:
            for axis in (0, 1, 2):
                if axis != argument.value:
                    args = [*node.args[:position], ast.Constant(axis), *node.args[position + 1 :]]
                    said = f"`{name}` works along axis {argument.value}, expected axis {axis}"
                    yield Edit("wrong-axis", said, {node: ast.Call(node.func, args, node.keywords)})


def swapped_entries(cell: StudentCell) -> Iterator[Edit]:
    """Yield two entries of a list, or two indices, that stand in the wrong order."""
    for top in cell.body:
        for node in ast.walk(top):
            if isinstance(node, ast.List | ast.Tuple) and 2 <= len(node.elts) <= 6 and isinstance(node.ctx, ast.Load):
                for one, other in combinations(range(len(node.elts)), 2):
                    items = list(node.elts)
                    items[one], items[other] = items[other], items[one]
                    said = f"{quoted(node.elts[one])} and {quoted(node.elts[other])} stand in the wrong order (swapped)"
                    yield Edit("order", said, {node: type(node)(items, ast.Load())})
