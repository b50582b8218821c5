"""Changes of names, numbers and parts: one stands where another belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from .cell import StudentCell
from .edit import Edit, binary, once_and_everywhere, quoted
from .evaluate import Original
from .fit import distance, largest, serves
from .forward import Tensor

SMALL = 1e-2  # a constant below this is there to keep a division or a logarithm finite


def names(cell: StudentCell) -> Iterator[Edit]:
    """Yield a name that stands where another belongs: once, or wherever it stands."""
    for node in cell.nodes:
        if isinstance(node, ast.Call) and isinstance(cell.values[node], Tensor):
            for then in cell.line_names:
                right = cell.trial.names[then]
                if isinstance(right, Tensor) and right.shape == cell.values[node].shape and right.is_floating_point():
                    yield _instead([node], ast.Name(then, ast.Load()), right, cell)
    for several in (cell.line_names, cell.all_names):
        for nodes in once_and_everywhere(cell):
            if not isinstance(nodes[0], ast.Name) or nodes[0].id == cell.name:
                continue
            now, is_tensor = nodes[0].id, isinstance(cell.values[nodes[0]], Tensor)
            for then in several:
                if then in (now, cell.name) or isinstance(cell.trial.names[then], Tensor) != is_tensor:
                    continue
                kind, sentence = "function", f"`{now}` stands where `{then}` belongs"
                if then == f"d{now}":
                    kind, sentence = "upstream", f"the value `{now}` stands where its gradient `{then}` belongs"
                elif cell.is_gradient(now) and cell.is_gradient(then):
                    kind = "other-upstream"
                elif not is_tensor:
                    kind = "factor"
                yield Edit(kind, sentence, dict.fromkeys(nodes, ast.Name(then, ast.Load())), several is cell.line_names)


def ones(cell: StudentCell) -> Iterator[Edit]:
    """Yield a value that stands where a derivative of 1 belongs."""
    like = ast.Attribute(ast.Name("torch", ast.Load()), "ones_like", ast.Load())
    for nodes in once_and_everywhere(cell):
        value = cell.values[nodes[0]]
        if isinstance(nodes[0], ast.Name | ast.Subscript) and isinstance(value, Tensor) and value.is_floating_point():
            said = f"the value {quoted(nodes[0])} stands where 1 belongs, the derivative of a sum or a pick"
            yield Edit("function", said, {node: ast.Call(like, [Original(node)], []) for node in nodes}, False)


def sizes(cell: StudentCell) -> Iterator[Edit]:
    """Yield a size that stands where another belongs."""
    known = [(text, tree) for text, (tree, value) in cell.known.items() if type(value) is int]
    for nodes in once_and_everywhere(cell):
        if type(cell.values[nodes[0]]) is not int or isinstance(nodes[0], ast.Constant):
            continue
        now = ast.unparse(nodes[0])
        for text, tree in known:
            if text != now and not isinstance(tree, ast.Constant):
                said = f"the size {quoted(now)} stands where {quoted(text)} belongs"
                yield Edit("factor", said, dict.fromkeys(nodes, tree))


def numbers(cell: StudentCell) -> Iterator[Edit]:
    """Yield a constant that is wrong."""
    of_lines = [value for tree, value in cell.known.values() if isinstance(tree, ast.Constant)]
    for nodes in once_and_everywhere(cell):
        first = nodes[0]
        if not isinstance(first, ast.Constant) or type(first.value) not in (int, float):
            continue
        now: float = first.value  # type: ignore[assignment]
        for then in dict.fromkeys([*of_lines, 0.5, 1, 2, 3, 1.5, -1, -2, now + 1, now - 1, 2 * now, now / 2, -now, 0]):
            if then == now or type(then) not in (int, float):
                continue
            kind, said = "factor", f"the factor {now:g} stands where {then:g} belongs"
            if 0 < abs(then) < SMALL or 0 < abs(now) < SMALL:
                kind, said = "epsilon", f"the small constant (epsilon) is {now:g}, expected {then:g}"
            elif then == -now:
                kind, said = "sign", f"the sign of {now:g} is wrong"
            yield Edit(kind, said, dict.fromkeys(nodes, ast.Constant(then)))
        for text, (tree, value) in cell.known.items():
            if type(value) is int and not isinstance(tree, ast.Constant):
                said = f"the number {now:g} stands where the size {quoted(text)} belongs"
                yield Edit("factor", said, dict.fromkeys(nodes, tree))


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
    small = {tree.value for tree, _ in cell.known.values() if isinstance(tree, ast.Constant)}
    for epsilon in sorted(value for value in small if isinstance(value, float) and 0 < value < SMALL):
        line = next(
            line.source for route in cell.trial.scene.routes for line in route.lines if _has(line.source, epsilon)
        )
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


def _has(source: str, epsilon: float) -> bool:
    return any(isinstance(node, ast.Constant) and node.value == epsilon for node in ast.walk(ast.parse(source)))


def derivatives(cell: StudentCell) -> Iterator[Edit]:
    """Yield an expression that stands where the derivative of a function of the line belongs."""
    for nodes in once_and_everywhere(cell):
        if isinstance(cell.values[nodes[0]], Tensor) and not isinstance(nodes[0], ast.Name):
            for tree in cell.slopes:
                yield _instead(nodes, tree, cell.trial.names[tree.id], cell)


def replaced(cell: StudentCell) -> Iterator[Edit]:
    """Yield an expression that stands where another part of the forward lines belongs, small ones first."""
    for nodes in sorted(once_and_everywhere(cell), key=lambda nodes: len(ast.unparse(nodes[0]))):
        now, value = ast.unparse(nodes[0]), cell.values[nodes[0]]
        if not isinstance(value, Tensor):
            continue
        for then, (tree, other) in cell.known.items():
            both = isinstance(tree, ast.Name) and isinstance(nodes[0], ast.Name)
            if then == now or both or not isinstance(other, Tensor):
                continue
            yield _instead(nodes, tree, other, cell)


def _instead(nodes: Sequence[ast.expr], tree: ast.expr, right: Tensor, cell: StudentCell) -> Edit:
    """Return the edit that puts another part of the line, of this value, in place of these nodes."""
    now, value = quoted(nodes[0]), cell.values[nodes[0]]
    kind = "upstream" if ast.unparse(tree) in cell.arriving else "function"
    if not value.is_floating_point() and not right.is_floating_point():
        kind = "elsewhere"  # an index
    elif kind == "upstream" and any(isinstance(n, ast.Name) and cell.is_gradient(n.id) for n in ast.walk(nodes[0])):
        kind = "other-upstream"
    said = f"{now} stands where {cell.words(tree)} belongs"
    if value.is_floating_point() and serves(value, right) and distance(value, right) <= SMALL * largest(right):
        kind, said = (
            "epsilon",
            f"{now} is nearly {cell.words(tree)}, but leaves out a small constant (epsilon) or rounds",
        )
    return Edit(kind, said, dict.fromkeys(nodes, tree), False)
