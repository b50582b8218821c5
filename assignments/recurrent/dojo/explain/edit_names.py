"""Changes of names, numbers and parts: one stands where another belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations

from .cell import StudentCell
from .edit import Edit, binary, once_and_everywhere, owner_of, quoted
from .evaluate import Original
from .fit import distance, largest, serves
from .forward import Tensor

NORMS = {"layer_norm": 1e-5, "batch_norm": 1e-5, "group_norm": 1e-5, "instance_norm": 1e-5}  # with their own epsilon
SMALL = 1e-2  # a constant below this is there to keep a division or a logarithm finite


def names(cell: StudentCell) -> Iterator[Edit]:
    """Yield a name that stands where another one of the lines belongs: once, or wherever it stands."""
    yield from _named(cell, cell.line_names, light=True)


def other_names(cell: StudentCell) -> Iterator[Edit]:
    """Yield a name that stands where one belongs that the lines do not have, which is less likely."""
    yield from _named(cell, [name for name in cell.all_names if name not in cell.line_names], light=False)


def _named(cell: StudentCell, several: Sequence[str], *, light: bool) -> Iterator[Edit]:
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
            elif then in cell.arriving and not cell.is_gradient(now):
                kind = "upstream"
            elif cell.is_gradient(now) and cell.is_gradient(then):
                kind = "other-upstream"
            elif not is_tensor:
                kind = "factor"
            yield Edit(kind, sentence, dict.fromkeys(nodes, ast.Name(then, ast.Load())), light)


def calls(cell: StudentCell) -> Iterator[Edit]:
    """Yield a call that stands where a name belongs."""
    made = [node for node in cell.nodes if isinstance(node, ast.Call)]
    # What the call is made from may be the mistake: it comes first.
    inner = [each for call in made for each in (owner_of(call), *call.args) if isinstance(each, ast.BinOp)]
    for node in [*(node for node in cell.nodes if node in inner), *made]:
        if isinstance(cell.values[node], Tensor):
            passed_on = isinstance(cell.parents.get(node), ast.Assign)
            for then in (name for name in cell.line_names if not passed_on or name not in cell.arriving):
                right = cell.trial.names[then]
                if isinstance(right, Tensor) and right.shape == cell.values[node].shape and right.is_floating_point():
                    yield _instead([node], ast.Name(then, ast.Load()), right, cell)


def swapped(cell: StudentCell) -> Iterator[Edit]:
    """Yield two names, or two parts of one tensor, of the same shape that stand in each other's place."""
    for one, other in combinations(cell.same, 2):
        first, second = cell.same[one], cell.same[other]
        match first[0], second[0]:
            case ast.Subscript(ast.Name(whole)), ast.Subscript(ast.Name(other_whole)):
                alike = whole == other_whole
            case both:
                alike = all(isinstance(node, ast.Name) for node in both)
        if alike:
            value, then = cell.values[first[0]], cell.values[second[0]]
            if isinstance(value, Tensor) and isinstance(then, Tensor) and value.shape == then.shape:
                changes = {**dict.fromkeys(first, second[0]), **dict.fromkeys(second, first[0])}
                changes = {node: Original(other) for node, other in changes.items()}
                yield Edit("order", f"`{one}` and `{other}` are swapped", changes, False)


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
    known = [(text, tree) for text, (tree, value) in cell.known.items() if type(value) in (int, float)]
    # What a weighted mean divides by is a tensor of one number.
    known += [
        (text, tree) for text, (tree, value) in cell.known.items() if isinstance(tree, ast.Call) and _is_one(value)
    ]
    for nodes in once_and_everywhere(cell):
        if type(cell.values[nodes[0]]) is not int or isinstance(nodes[0], ast.Constant):
            continue
        now = ast.unparse(nodes[0])
        for text, tree in known:
            if text != now and not isinstance(tree, ast.Constant):
                said = f"{quoted(now)} stands where {quoted(text)} belongs"
                yield Edit("factor", said, dict.fromkeys(nodes, tree))


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


def values(cell: StudentCell) -> Iterator[Edit]:
    """Yield a name of a value that stands where the derivative of a function that is called in the line belongs."""
    slopes = [tree for tree in cell.slopes if cell.is_call(tree)]
    for nodes in once_and_everywhere(cell):
        name, value = nodes[0], cell.values[nodes[0]]
        if not isinstance(cell.parents.get(name), ast.BinOp):
            continue  # a function is asked of it, and of the derivative it would be another thing
        if isinstance(name, ast.Name) and isinstance(value, Tensor) and not cell.is_gradient(name.id):
            for tree in slopes if name.id != cell.name else ():
                yield _instead(nodes, tree, cell.trial.names[tree.id], cell)


def derivatives(cell: StudentCell) -> Iterator[Edit]:
    """Yield an expression that stands where the derivative of a function of the line belongs."""
    for nodes in once_and_everywhere(cell):
        if isinstance(cell.values[nodes[0]], Tensor) and not isinstance(nodes[0], ast.Name):
            for tree in cell.slopes:
                edit = _instead(nodes, tree, cell.trial.names[tree.id], cell)
                if cell.words(tree).endswith(f"of {quoted(nodes[0])}"):
                    edit = replace(edit, sentence=f"{quoted(nodes[0])} is the value: its derivative belongs there")
                yield edit


def of_gradients(cell: StudentCell) -> Iterator[Edit]:
    """Yield a function of the gradient that arrives where it is to be multiplied by a derivative."""
    for node in cell.nodes:
        inner = owner_of(node) if isinstance(node, ast.Call) else None
        if isinstance(inner, ast.Name) and cell.is_gradient(inner.id):
            for tree in cell.slopes:
                said = f"{quoted(node)} takes a function of the gradient: multiply `{inner.id}` by {cell.words(tree)}"
                yield Edit("function", said, {node: binary(Original(inner), ast.Mult(), tree)}, False)


def replaced(cell: StudentCell) -> Iterator[Edit]:
    """Yield an expression that stands where another part of the forward lines belongs, small ones first."""
    for nodes in sorted(once_and_everywhere(cell), key=lambda nodes: len(ast.unparse(nodes[0]))):
        now, value = ast.unparse(nodes[0]), cell.values[nodes[0]]
        if not isinstance(value, Tensor):
            continue
        if isinstance(parent := cell.parents.get(nodes[0]), ast.Attribute) and parent.attr in ("argmax", "argmin"):
            continue  # anything with its largest element there would do
        for then, (tree, other) in cell.known.items():
            both = isinstance(tree, ast.Name) and isinstance(nodes[0], ast.Name)
            # What arrives in place of all that is assigned mends every cell of a step that passes it on.
            reads = {part.id for part in ast.walk(tree) if isinstance(part, ast.Name)}
            passed_on = not reads.isdisjoint(cell.arriving) and isinstance(cell.parents.get(nodes[0]), ast.Assign)
            match nodes[0], tree:  # another part of it is no such thing
                case ast.Subscript(ast.Name(one)), ast.Subscript(ast.Name(same)) if one == same:
                    passed_on = False
            if then == now or both or passed_on or not isinstance(other, Tensor):
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
