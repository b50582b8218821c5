"""Changes of loops: rounds that are left out, the direction, the order of what is done in each round."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import pairwise

from .cell import StudentCell
from .edit import Edit, quoted
from .evaluate import Original


def rounds(cell: StudentCell) -> Iterator[Edit]:
    """Yield a loop that leaves some of its rounds out."""
    for node in cell.all_nodes:
        match node:
            case ast.Call(ast.Name("range"), [*_, ast.BinOp(size, ast.Sub() | ast.FloorDiv(), _) as last]):
                said = f"the loop over {quoted(node)} leaves the last examples out: it must go up to {quoted(size)}"
                yield Edit("subset", said, {last: size})
        match node:
            case ast.Call(ast.Name("range"), [start, _]) if ast.unparse(start) != "0":
                said = f"the loop over {quoted(node)} leaves the first examples out: it must start from 0"
                yield Edit("subset", said, {start: ast.Constant(0)})
        match node:
            case ast.Call(ast.Name("range"), [start, _, step]) if ast.unparse(step) != "1":
                said = f"the loop over {quoted(node)} leaves some examples out: it goes on by {quoted(step)} each time"
                yield Edit("subset", said, {step: ast.Constant(1)})
                if ast.unparse(start) != "0":
                    yield Edit("subset", said, {start: ast.Constant(0), step: ast.Constant(1)})
        match node:
            case ast.Call(ast.Name("range"), [only]):
                for text, (tree, value) in cell.known.items():
                    if type(value) is int and text != ast.unparse(only) and not isinstance(tree, ast.Constant):
                        said = (
                            f"the loop over {quoted(node)} goes over some places only: it must go up to {quoted(text)}"
                        )
                        yield Edit("subset", said, {only: tree})


def kept_rounds(cell: StudentCell) -> Iterator[Edit]:
    """Yield a loop of which only the last round is kept: `dx = ...` in it where `dx += ...` belongs."""
    for loop in cell.all_nodes:
        for number, statement in enumerate(loop.body if isinstance(loop, ast.For) else ()):
            match statement:
                case ast.Assign([ast.Name(name) as target], value) if name == cell.name and isinstance(loop, ast.For):
                    said = f"`=` in the loop keeps only what its last round gives, {quoted(value)}: `+=` belongs there"
                    for start, term in _terms_of_a_round(value, name):
                        whole = ast.Assign([target], ast.BinOp(ast.Name(name, ast.Load()), ast.Add(), term))
                        body = [*loop.body[:number], whole, *loop.body[number + 1 :]]
                        changes = {loop: [ast.Assign([target], start), ast.For(loop.target, loop.iter, body, [])]}
                        yield Edit("overwritten", said, changes)


def _terms_of_a_round(value: ast.expr, name: str) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Yield what a sum over rounds may start from, with what each round adds to it."""
    if any(isinstance(part, ast.Name) and part.id == name for part in ast.walk(value)):
        return
    yield ast.Constant(0), Original(value)
    match value:
        case ast.BinOp(left, ast.Add(), right):
            yield Original(left), Original(right)
            yield Original(right), Original(left)


def order(cell: StudentCell) -> Iterator[Edit]:
    """Yield a loop that runs the wrong way, and statements that stand in the wrong order."""
    for node in cell.all_nodes:
        match node:
            case ast.For(_, ast.Call(ast.Name("reversed"), [each]) as backwards):
                said = f"the loop over {quoted(backwards)} runs backwards: it must run forwards, over {quoted(each)}"
                yield Edit("order", said, {backwards: each})
            case ast.For(_, ast.Call(ast.Name("range")) as each):
                said = f"the loop over {quoted(each)} runs forwards: it must run backwards, from the last to the first"
                yield Edit("order", said, {each: ast.Call(ast.Name("reversed", ast.Load()), [Original(each)], [])})
        if isinstance(node, ast.For) and len(node.body) > 1:
            last = node.body[-1]
            said = f"{quoted(last)} is done in every round of the loop: it belongs behind the loop"
            yield Edit("order", said, {node: [ast.For(node.target, node.iter, node.body[:-1], []), last]})
        for first, second in pairwise(node.body) if isinstance(node, ast.For) else ():
            said = f"{quoted(first)} stands before {quoted(second)}: in each round it must come after it, not before"
            yield Edit("order", said, {first: [second], second: [first]})
