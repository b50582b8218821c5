"""Changes of axes: sums over other axes, sums that are missing, means, and transposes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

import torch

from .cell import StudentCell
from .edit import Edit, binary, called, dims, is_module, owner_of, quoted
from .evaluate import Original
from .forward import Tensor

SUMMED = ("sum", "mean", "amax", "max", "prod", "amin", "min", "logsumexp", "var", "std")
ALONG = ("softmax", "log_softmax", "cumsum", "flip")


def sums(cell: StudentCell) -> Iterator[Edit]:
    """Yield an axis, a keepdim or a mean that is wrong, and a sum that does not belong there."""
    # `x.max(1)` is a pair of tensors, and no value by itself.
    pairs = [call for call in cell.all_nodes if isinstance(call, ast.Call) and isinstance(cell.values.get(call), tuple)]
    for node in [*cell.nodes, *pairs]:
        match node:
            case ast.Call(ast.Attribute(base, name), args, keywords) if name in (*SUMMED, *ALONG):
                yield from _of_a_call(node, base, name, args, keywords, cell)
            case ast.Attribute(ast.Call(ast.Attribute(base, "max" | "min" as name), args, keywords), "values"):
                for keep in (keywords, _with_keepdim(keywords)):
                    tree = ast.Call(ast.Attribute(base, "sum", ast.Load()), args, keep)
                    yield Edit("function", f"a `{name}` stands where a `sum` belongs: {quoted(node)}", {node: tree})
    yield from _of_several(cell)


def _of_several(cell: StudentCell) -> Iterator[Edit]:
    """Yield the same wrong axis in several sums."""
    groups: dict[str, list[ast.Call]] = {}
    for node in cell.nodes:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("sum", "mean"):
            groups.setdefault(ast.unparse(ast.Tuple(node.args, ast.Load())), []).append(node)
    for group in groups.values():
        base = group[0].func.value if isinstance(group[0].func, ast.Attribute) else group[0]
        if len(group) < 2 or is_module(base) or len(group[0].args) > 1:
            continue
        now = f"axis {ast.unparse(group[0].args[0])}" if group[0].args else "all axes"
        for new in _axes(dims(cell.values.get(base))):
            said = f"{' and '.join(map(quoted, group))}: summed over {now}, expected axis {ast.unparse(new)}"
            for more in ([], [ast.keyword("keepdim", ast.Constant(True))]):
                yield Edit("wrong-axis", said, {n: ast.Call(n.func, [new], more or n.keywords) for n in group})


def _of_a_call(
    node: ast.Call, base: ast.expr, name: str, args: list[ast.expr], keywords: list[ast.keyword], cell: StudentCell
) -> Iterator[Edit]:
    func, inner = node.func, owner_of(node)
    first = args[:1] if is_module(base) else []
    rest = args[len(first) :]
    axis = _axis_of(rest, keywords)
    others = [k for k in keywords if k.arg not in ("dim", "axis")]
    now = f"axis {ast.unparse(axis)}" if axis is not None else "all axes"
    if name in SUMMED and inner is not None:
        if name in ("var", "std") and not any(k.arg in ("unbiased", "correction") for k in keywords):
            said = f"{quoted(node)} divides by one less than the size (Bessel's correction), expected unbiased=False"
            plain = [*keywords, ast.keyword("unbiased", ast.Constant(False))]
            yield Edit("factor", said, {node: ast.Call(func, args, plain)})
        elif name in ("var", "std"):
            said = f"{quoted(node)} divides by the size, expected one less: without unbiased=False"
            plain = [k for k in keywords if k.arg not in ("unbiased", "correction")]
            yield Edit("factor", said, {node: ast.Call(func, args, plain)})
        if name == "mean" and isinstance(axis, ast.Constant) and isinstance(axis.value, int):
            size = ast.Subscript(ast.Attribute(Original(inner), "shape", ast.Load()), axis, ast.Load())
            said = f"{quoted(node)} averages over {now}, where each element keeps its own gradient: divide "
            said += f"{quoted(inner)} by the size of that axis, without a sum"
            yield Edit("wrong-axis", said, {node: binary(Original(inner), ast.Div(), size)})
        if name in ("sum", "mean"):
            other = "mean" if name == "sum" else "sum"
            tree = ast.Call(ast.Attribute(base, other, ast.Load()), args, keywords)
            said = f"a `{name}` stands where a `{other}` belongs: {quoted(node)}"
            yield Edit("factor", said, {node: tree})
            if axis is not None and len(_with_keepdim(keywords)) > len(keywords):
                tree = ast.Call(ast.Attribute(base, other, ast.Load()), args, _with_keepdim(keywords))
                yield Edit("factor", f"{said}; and keep the summed axis, with keepdim=True", {node: tree}, False)
        else:
            tree = ast.Call(ast.Attribute(base, "sum", ast.Load()), args, keywords)
            yield Edit("function", f"a `{name}` stands where a `sum` belongs: {quoted(node)}", {node: tree})
        said = f"a sum too many: {quoted(node)}, where {quoted(inner)} is needed as it is"
        yield Edit("wrong-axis", said.replace("a sum", f"a `{name}`") if name != "sum" else said, {node: inner})
        if axis is not None and not any(k.arg in ("keepdim", "keepdims") for k in keywords):
            said = f"{quoted(node)} loses an axis: keep the summed axis, with keepdim=True"
            yield Edit("keepdim", said, {node: ast.Call(func, args, _with_keepdim(keywords))})
        elif axis is not None:
            said = f"{quoted(node)} keeps the summed axis, which `{cell.trial.scene.tensor}` does not have: no keepdim"
            plain = [k for k in keywords if k.arg not in ("keepdim", "keepdims")]
            yield Edit("keepdim", said, {node: ast.Call(func, args, plain)})
    verb = "summed" if name == "sum" else f"`{name}` is taken"
    for new in _axes(dims(cell.values.get(inner))) if inner is not None else ():
        if axis is None or ast.unparse(axis) != ast.unparse(new):
            said = f"{quoted(node)}: {verb} over {now}, expected axis {ast.unparse(new)}"
            yield Edit("wrong-axis", said, {node: ast.Call(func, [*first, new], others)})
            if name in SUMMED and len(_with_keepdim(others)) > len(others):
                yield Edit("wrong-axis", said, {node: ast.Call(func, [*first, new], _with_keepdim(others))}, False)
    if axis is not None and name in SUMMED:
        said = f"{quoted(node)}: {verb} over {now} only, expected all axes"
        yield Edit("wrong-axis", said, {node: ast.Call(func, first, [])})


def _axis_of(rest: list[ast.expr], keywords: list[ast.keyword]) -> ast.expr | None:
    """Return the axis that a call is given, behind its tensors or by name."""
    return rest[0] if rest else next((k.value for k in keywords if k.arg in ("dim", "axis")), None)


def _with_keepdim(keywords: list[ast.keyword]) -> list[ast.keyword]:
    if any(k.arg in ("keepdim", "keepdims") for k in keywords):
        return keywords
    return [*keywords, ast.keyword("keepdim", ast.Constant(True))]


def _axes(count: int) -> list[ast.expr]:
    found: list[ast.expr] = [ast.Constant(axis) for axis in range(count)]
    if count > 2:
        found += [ast.Tuple([ast.Constant(a) for a in some], ast.Load()) for some in combinations(range(count), 2)]
    return found


def joins(cell: StudentCell) -> Iterator[Edit]:
    """Yield an axis along which tensors are put together that is wrong."""
    for node in cell.nodes:
        match node:
            case ast.Call(
                ast.Attribute(_, "cat" | "concat" | "concatenate" | "stack") as func, [parts, *rest], keywords
            ):
                axis = _axis_of(rest, keywords)
                now = "0" if axis is None else ast.unparse(axis)
                for new in range(dims(cell.values[node])):
                    said = f"{quoted(node)} puts the parts together along axis {now}, expected axis {new}"
                    if now != str(new):
                        yield Edit("wrong-axis", said, {node: ast.Call(func, [parts, ast.Constant(new)], [])})


def missing_sums(cell: StudentCell) -> Iterator[Edit]:
    """Yield a sum that is missing, at each place."""
    for node in cell.nodes:
        count = dims(cell.values[node])
        for size in range(1, count + 1) if count <= 4 else ():
            for axes in combinations(range(count), size):
                if _has_a_name(cell.values[node].sum(axes), cell):
                    continue  # that name belongs there
                along = f"{'axis' if size == 1 else 'axes'} {' and '.join(map(str, axes))}"
                said = f"the sum over {along} is missing: of {quoted(node)}"
                for keep in (True, False):
                    tree = called(Original(node), "sum", axes if size > 1 else axes[0], keepdim=keep)
                    yield Edit("not-summed", said, {node: tree}, size == 1)


def _has_a_name(total: Tensor, cell: StudentCell) -> bool:
    """Return whether a tensor of the lines has the numbers of a sum, of whatever shape."""
    names = (cell.trial.names[name] for name in cell.all_names)
    alike = (value for value in names if isinstance(value, Tensor) and value.numel() == total.numel() > 1)
    return any(torch.allclose(value.reshape(-1).double(), total.reshape(-1).double()) for value in alike)


def transposes(cell: StudentCell) -> Iterator[Edit]:
    """Yield an operand that must be transposed, or must not be, and factors in the wrong order."""
    if cell.trial.raised:
        yield from _where_it_raised(cell)
    for node in cell.nodes:
        match node:
            case ast.Call(ast.Attribute(base, "view" | "reshape" as name)) if dims(cell.values.get(base)) >= 2:
                said = (
                    f"`{name}` does not transpose {quoted(base)}: it puts the numbers into other places; swap the axes"
                )
                for first, second in combinations(range(dims(cell.values[base])), 2):
                    yield Edit("reshape", said, {node: called(base, "transpose", first, second)})
                    yield Edit("reshape", said, {base: called(Original(base), "transpose", first, second)})
                shape = ast.Attribute(ast.Name(cell.trial.scene.tensor, ast.Load()), "shape", ast.Load())
                said = f"`{name}` has the axes in another order than `{cell.trial.scene.tensor}`: give it that shape"
                tree = ast.Call(ast.Attribute(base, "reshape", ast.Load()), [shape], [])
                yield Edit("reshape", said, {node: tree})
            case ast.BinOp(left, ast.MatMult(), right):
                yield from _of_a_product(node, left, right, cell)
            case ast.Attribute(base, "T" | "mT" | "mH"):
                said = f"{quoted(node)} is transposed, and must not be"
                yield Edit("transpose", said, {node: base})
    for node in cell.nodes:
        for first, second in combinations(range(dims(cell.values[node])), 2):
            tree = called(Original(node), "transpose", first, second)
            yield Edit("transpose", f"{quoted(node)} must be transposed", {node: tree})


def _where_it_raised(cell: StudentCell) -> Iterator[Edit]:
    """Yield what makes the shapes fit of an operation that has no value, for it raised, or was not reached."""
    for node in cell.all_nodes:
        if not isinstance(node, ast.BinOp) or node in cell.values:
            continue
        if isinstance(node.op, ast.MatMult):
            yield from _of_a_product(node, node.left, node.right, cell)
            continue
        for operand in (node.left, node.right):
            count = dims(cell.values.get(operand))
            if count:
                wide = called(Original(operand), "unsqueeze", -1)
                index = ", ".join([":"] * count + ["None"])
                said = f"{quoted(operand)} has an axis less than the other operand: "
                said += f"`{ast.unparse(operand)}[{index}]` has it"
                yield Edit("keepdim", said, {operand: wide})
        if not isinstance(node.op, ast.Mult):
            continue
        for product in (
            binary(node.left, ast.MatMult(), ast.Attribute(node.right, "T", ast.Load())),
            binary(node.left, ast.MatMult(), node.right),
            binary(ast.Attribute(node.left, "T", ast.Load()), ast.MatMult(), node.right),
        ):
            said = f"`*` stands where a matrix product belongs: {quoted(product)}"
            yield Edit("function", said, {node: product})


def _of_a_product(node: ast.BinOp, left: ast.expr, right: ast.expr, cell: StudentCell) -> Iterator[Edit]:
    order = f"the factors of {quoted(node)} stand in the wrong order"
    yield Edit("transpose", order, {node: binary(right, ast.MatMult(), left)})
    for operand in (left, right):
        if isinstance(operand, ast.Attribute) and operand.attr == "T" and dims(cell.values.get(operand.value)) > 2:
            last = called(operand.value, "transpose", -2, -1)
            said = f"{quoted(operand)} turns all axes around: only the last two must be, {quoted(last)}"
            yield Edit("transpose", said, {operand: last})
    one, other = _transposed(left, cell), _transposed(right, cell)
    for first, second in ((one, right), (left, other), (one, other)):
        if first is None or second is None:
            continue
        changed = [
            f"{quoted(old)} must {'not ' if isinstance(old, ast.Attribute) else ''}be transposed"
            for old, new in ((left, first), (right, second))
            if old is not new
        ]
        said = f"in {quoted(node)}, {' and '.join(changed)}"
        yield Edit("transpose", said, {node: binary(first, ast.MatMult(), second)})
        yield Edit("transpose", f"{said}, and {order}", {node: binary(second, ast.MatMult(), first)}, False)
    said = f"`@` stands where `*` belongs: {quoted(node)}"
    yield Edit("function", said, {node: binary(left, ast.Mult(), right)})
    if isinstance(left, ast.Attribute) and left.attr in ("T", "mT"):
        said = f"{quoted(node)} multiplies all pairs of columns: multiply {quoted(left.value)} and {quoted(right)} "
        said += "element by element (`*`), and sum"
        for keep in (False, True):
            each = called(binary(left.value, ast.Mult(), right), "sum", 0, keepdim=keep)
            yield Edit("function", said, {node: each}, False)


def _transposed(node: ast.expr, cell: StudentCell) -> ast.expr | None:
    """Return the node with its last two axes swapped: without its transpose where it has one."""
    match node:
        case ast.Attribute(base, "T" | "mT") | ast.Call(ast.Attribute(base, "transpose"), [_, _]):
            return base
    return called(node, "transpose", -2, -1) if dims(cell.values.get(node)) >= 2 else None


def letters(cell: StudentCell) -> Iterator[Edit]:
    """Yield a letter of an einsum that stands where another belongs."""
    for node in cell.all_nodes:
        match node:
            case ast.Call(ast.Attribute(_, "einsum"), [ast.Constant(str(text)) as first, *_]):
                known = sorted({letter for letter in text if letter.isalpha()})
                for place, now in enumerate(text):
                    for then in known if now.isalpha() else ():
                        new = text[:place] + then + text[place + 1 :]
                        said = f"the letter `{now}` of '{text}' stands where `{then}` belongs, '{new}'"
                        if then != now:
                            yield Edit("wrong-axis", said, {first: ast.Constant(new)})
