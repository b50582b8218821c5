"""Changes of numbers: a size, a constant, a power or an epsilon that stands where another belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from .cell import StudentCell
from .edit import Edit, binary, once_and_everywhere, quoted
from .evaluate import Original
from .forward import Tensor

NORMS = {"layer_norm": 1e-5, "batch_norm": 1e-5, "group_norm": 1e-5, "instance_norm": 1e-5}  # with their own epsilon
SMALL = 1e-2  # a constant below this is there to keep a division or a logarithm finite


def sizes(cell: StudentCell) -> Iterator[Edit]:
    """Yield a size that stands where another belongs."""
    known = [(text, tree) for text, (tree, value) in cell.known.items() if type(value) in (int, float)]
    # What a weighted mean divides by is a tensor of one number.
    known += [
        (text, tree) for text, (tree, value) in cell.known.items() if isinstance(tree, ast.Call) and _is_one(value)
    ]
    # So is what a line divides by: the number of elements that count, of each example.
    divisors = {name for route in cell.trial.scene.routes for line in route.lines for name in _divisors(line.source)}
    known += [(text, tree) for text, (tree, value) in cell.known.items() if text.partition("[")[0] in divisors]
    for nodes in once_and_everywhere(cell):
        if type(cell.values[nodes[0]]) is not int or isinstance(nodes[0], ast.Constant):
            continue
        now = ast.unparse(nodes[0])
        for text, tree in known:
            if text != now and not isinstance(tree, ast.Constant):
                said = f"{quoted(now)} stands where {quoted(text)} belongs"
                yield Edit("factor", said, dict.fromkeys(nodes, tree))


def _divisors(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            yield from (part.id for part in ast.walk(node.right) if isinstance(part, ast.Name))


def _is_one(value: object) -> bool:
    return isinstance(value, Tensor) and value.numel() == 1 and value.is_floating_point()


def numbers(cell: StudentCell) -> Iterator[Edit]:
    """Yield a constant that is wrong."""
    of_lines = [value for tree, value in cell.known.values() if isinstance(tree, ast.Constant)]
    small = [value for value, _ in _epsilons(cell)]
    for nodes in once_and_everywhere(cell):
        first = nodes[0]
        if not isinstance(first, ast.Constant) or type(first.value) not in (int, float):
            continue
        now: float = first.value  # type: ignore[assignment]
        for then in dict.fromkeys(
            [*of_lines, *small, 0.5, 1, 2, 3, 1.5, -1, -2, now + 1, now - 1, 2 * now, now / 2, -now, 0]
        ):
            if then == now or type(then) not in (int, float) or (then in small and not 0 < abs(now) < SMALL):
                continue
            kind, said = "factor", f"the factor {now:g} stands where {then:g} belongs"
            if 0 < abs(then) < SMALL or 0 < abs(now) < SMALL:
                kind, said = "epsilon", f"the small constant (epsilon) is {now:g}, expected {then:g}"
            elif then == -now:
                kind, said = "sign", f"the sign of {now:g} is wrong"
            index = _index_of(first, cell)
            if index is not None and type(then) is int:
                kind, said = "elsewhere", f"the index {quoted(index)} is wrong: it picks another place than needed"
            yield Edit(kind, said, dict.fromkeys(nodes, ast.Constant(then)))
        for text, (tree, value) in cell.known.items():
            if type(value) is int and not isinstance(tree, ast.Constant):
                said = f"the number {now:g} stands where the size {quoted(text)} belongs"
                yield Edit("factor", said, dict.fromkeys(nodes, tree))


def _index_of(node: ast.expr, cell: StudentCell) -> ast.expr | None:
    """Return the index that a number, with its sign, is; None where it is none."""
    above = cell.parents.get(node)
    entry = above if isinstance(above, ast.UnaryOp) else node
    holder = cell.parents.get(entry)
    return entry if isinstance(holder, ast.Subscript) and holder.slice is entry else None


def powers(cell: StudentCell) -> Iterator[Edit]:
    """Yield an exponent that is wrong."""
    for nodes in once_and_everywhere(cell):
        if not isinstance(nodes[0], ast.BinOp) or not isinstance(nodes[0].op, ast.Pow):
            continue
        now = ast.unparse(nodes[0].right)
        for then in (2, -1, -2, 0.5, -0.5, 1.5, -1.5, -2.5, 3, -3):
            said = f"the power of {quoted(nodes[0].left)} is wrong: `**{now}` stands where `**{then}` belongs"
            changes = {n: binary(n.left, n.op, ast.Constant(then)) for n in nodes if isinstance(n, ast.BinOp)}
            yield Edit("function", said, changes)


def epsilons(cell: StudentCell) -> Iterator[Edit]:
    """Yield a small constant of a forward line that is missing, or one that no line has."""
    for epsilon, line in _epsilons(cell):
        for nodes in once_and_everywhere(cell):
            if isinstance(cell.values[nodes[0]], Tensor):
                said = f"the small constant (epsilon) {epsilon:g} of {quoted(line)} is missing: "
                said += f"{quoted(nodes[0])} has none"
                changes = {node: binary(Original(node), ast.Add(), ast.Constant(epsilon)) for node in nodes}
                yield Edit("epsilon", said, changes)
    for node in cell.nodes:
        match node:
            case ast.BinOp(left, ast.Add() | ast.Sub(), ast.Constant(float() as value)) if 0 < abs(value) < SMALL:
                said = f"the small constant (epsilon) {value:g} is added to {quoted(left)}: the line has none there"
                yield Edit("epsilon", said, {node: left})


def _epsilons(cell: StudentCell) -> list[tuple[float, str]]:
    """Return the small constants of the lines, written there or a function's own, each with its line."""
    found: dict[float, str] = {}
    for line in (line for route in cell.trial.scene.routes for line in route.lines):
        for node in ast.walk(ast.parse(line.source)):
            match node:
                case ast.Constant(float() as value) if 0 < value < SMALL:
                    found.setdefault(value, line.source)
                case ast.Name(name) if 0 < _plain(cell.trial.names.get(name)) < SMALL:
                    found.setdefault(_plain(cell.trial.names[name]), line.source)
                case ast.Call(ast.Attribute(_, name)) if name in NORMS:
                    found.setdefault(NORMS[name], line.source)
    return sorted(found.items())


def _plain(value: object) -> float:
    return value if type(value) is float else 0.0
