"""Changes of names and parts: one stands where another belongs."""

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

NEARLY = 1e-2  # values that are this close differ by a small constant, or by rounding


def names(cell: StudentCell) -> Iterator[Edit]:
    """Yield a name that stands where another one of the lines belongs: once, or wherever it stands."""
    yield from _named(cell, cell.line_names, light=True)


def own_names(cell: StudentCell) -> Iterator[Edit]:
    """Yield a name of the student's own that stands where one of the lines belongs: what it is made of comes first."""
    yield from _named(cell, cell.line_names, light=False, own=True)
    for nodes in once_and_everywhere(cell):
        if ast.unparse(nodes[0]) in cell.own_names and isinstance(cell.values[nodes[0]], Tensor):
            for tree in cell.slopes:
                yield _instead(nodes, tree, cell.trial.names[tree.id], cell)


def other_names(cell: StudentCell) -> Iterator[Edit]:
    """Yield a name that stands where one belongs that the lines do not have, which is less likely."""
    yield from _named(cell, [name for name in cell.all_names if name not in cell.line_names], light=False)
    yield from _named(cell, cell.line_names, light=False, products=True)


def _named(
    cell: StudentCell, several: Sequence[str], *, light: bool, own: bool = False, products: bool = False
) -> Iterator[Edit]:
    """Yield names in the place of others. products: those that a line makes of what stands there, with a factor.

    Of these it is more likely that the factor is missing.
    """
    for nodes in once_and_everywhere(cell):
        if not isinstance(nodes[0], ast.Name) or nodes[0].id == cell.name:
            continue
        if (nodes[0].id in cell.own_names) != own:
            continue
        now, is_tensor = nodes[0].id, isinstance(cell.values[nodes[0]], Tensor)
        for then in several:
            if then in (now, cell.name) or isinstance(cell.trial.names[then], Tensor) != is_tensor:
                continue
            if any(_divides_itself(node, then, cell) for node in nodes) or products != _is_product(then, now, cell):
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


def _is_product(then: str, now: str, cell: StudentCell) -> bool:
    """Return whether a tensor that comes next is made of another by a factor: `then = now / size`."""
    for line in (route.lines[-1] for route in cell.trial.scene.routes if route.target == then):
        match ast.parse(line.source).body:
            case [ast.Assign(_, ast.BinOp(left, ast.Mult() | ast.Div(), right))]:
                return now in (ast.unparse(left), ast.unparse(right))
    return False


def _divides_itself(node: ast.expr, then: str, cell: StudentCell) -> bool:
    """Return whether a name in a node's place is divided by what has its value, or divides it: 1 in any case."""
    parent = cell.parents.get(node)
    if not isinstance(parent, ast.BinOp) or not isinstance(parent.op, ast.Div):
        return False
    other, value = cell.values.get(parent.right if parent.left is node else parent.left), cell.trial.names[then]
    if not isinstance(other, Tensor) or not isinstance(value, Tensor) or other.dtype != value.dtype:
        return False
    return value.is_floating_point() and serves(other, value) and distance(other, value) == 0


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


def one(cell: StudentCell) -> Iterator[Edit]:
    """Yield all that is assigned, made of values, where 1 belongs: the loss adds the tensor as it is."""
    last, scene = cell.body[-1], cell.trial.scene
    if not isinstance(last, ast.Assign) or len(scene.routes) > 1 or not bool((cell.trial.total == 1).all()):
        return
    if any(isinstance(node, ast.Name) and node.id in scene.names for node in ast.walk(last.value)):
        like = ast.Attribute(ast.Name("torch", ast.Load()), "ones_like", ast.Load())
        said = f"{quoted(last.value)} stands where 1 belongs: {scene.routes[0].text} adds `{scene.tensor}` as it is"
        yield Edit("local", said, {last.value: ast.Call(like, [ast.Name(scene.tensor, ast.Load())], [])}, False)


def values(cell: StudentCell) -> Iterator[Edit]:
    """Yield a name of a value that stands where the derivative of a function that is called in the line belongs."""
    slopes = [tree for tree in cell.slopes if cell.is_call(tree)]
    for nodes in once_and_everywhere(cell):
        name, value = nodes[0], cell.values[nodes[0]]
        if not isinstance(cell.parents.get(name), ast.BinOp):
            continue  # a function is asked of it, and of the derivative it would be another thing
        if ast.unparse(name) in cell.own_names:
            continue  # what it is made of comes first
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
    """Yield an expression that stands where another part of the lines belongs: small ones first, own names last."""

    def size(nodes: Sequence[ast.expr]) -> tuple[bool, int]:
        text = ast.unparse(nodes[0])
        return text in cell.own_names, len(text)

    for nodes in sorted(once_and_everywhere(cell), key=size):
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


def _with_names(node: ast.expr, cell: StudentCell) -> str:
    """Return what a name of the student's own in a node stands for, where it has one of them; else ""."""
    names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)} & cell.own_names
    made = [top for top in cell.body if isinstance(top, ast.Assign) and ast.unparse(top.targets[0]) in names]
    if len(names) != 1 or len(made) != 1:
        return ""
    return f" with {quoted(made[0])}"


def _instead(nodes: Sequence[ast.expr], tree: ast.expr, right: Tensor, cell: StudentCell) -> Edit:
    """Return the edit that puts another part of the line, of this value, in place of these nodes."""
    now, value = quoted(nodes[0]), cell.values[nodes[0]]
    kind = "upstream" if ast.unparse(tree) in cell.arriving else "function"
    if not value.is_floating_point() and not right.is_floating_point():
        kind = "elsewhere"  # an index
    elif kind == "upstream" and any(isinstance(n, ast.Name) and cell.is_gradient(n.id) for n in ast.walk(nodes[0])):
        kind = "other-upstream"
    said = f"{now}{_with_names(nodes[0], cell)} stands where {cell.words(tree)} belongs"
    if value.is_floating_point() and serves(value, right) and distance(value, right) <= NEARLY * largest(right):
        kind, said = (
            "epsilon",
            f"{now} is nearly {cell.words(tree)}, but leaves out a small constant (epsilon) or rounds",
        )
    return Edit(kind, said, dict.fromkeys(nodes, tree), False)
