"""A small change of a student's cell, with the mistake that it would undo, and what the edit_*.py modules share.

A change is claimed only where the cell with it gives the right gradient on several sets of numbers (repair.py).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .cell import StudentCell
from .evaluate import Original
from .forward import Tensor

ORDERED = ("max", "min", "amax", "amin", "argmax", "argmin", "sort", "argsort", "topk")
LONGEST = 60  # characters of code that a sentence quotes
SYMBOLS: dict[type[ast.operator], str] = {
    ast.Mult: "*",
    ast.Add: "+",
    ast.Div: "/",
    ast.Sub: "-",
    ast.MatMult: "@",
    ast.FloorDiv: "//",
    ast.Pow: "**",
}


@dataclass(frozen=True, eq=False)
class Edit:
    """kind: of the mistake that it undoes, in one word. sentence: for the student. changes: the nodes that change.

    light: whether it may be one of two changes that mend a cell together.
    """

    kind: str
    sentence: str
    changes: Mapping[Any, Any]
    light: bool = True


def quoted(code: ast.AST | str) -> str:
    """Return code as a sentence quotes it, shortened where it is long."""
    if isinstance(code, str):
        text = code
    else:
        text = getattr(code, "_text", "") or ast.unparse(code)
        code._text = text  # type: ignore[attr-defined]  # it is quoted many times
    text = text.partition("\n")[0] + " ..." if "\n" in text else text
    return f"`{text}`" if len(text) <= LONGEST else f"`{text[: LONGEST - 20]} ... {text[-15:]}`"


def binary(left: ast.expr, op: ast.operator, right: ast.expr) -> ast.BinOp:
    """Return an operation on two nodes."""
    return ast.BinOp(left, op, right)


def minus(node: ast.expr) -> ast.UnaryOp:
    """Return the node with the other sign; for use in place of the node itself too."""
    return ast.UnaryOp(ast.USub(), Original(node))


def called(owner: ast.expr, name: str, *args: object, **words: object) -> ast.Call:
    """Return a call of a method with constants as arguments."""
    keywords = [ast.keyword(word, ast.Constant(value)) for word, value in words.items()]  # type: ignore[arg-type]
    return ast.Call(ast.Attribute(owner, name, ast.Load()), [ast.Constant(a) for a in args], keywords)  # type: ignore[arg-type]


def is_module(node: ast.expr) -> bool:
    """Return whether the node is `torch`, `F` or the like, so that what is called on it is no method of a tensor."""
    return ast.unparse(node) in ("torch", "F", "torch.nn.functional", "torch.special")


def owner_of(call: ast.Call) -> ast.expr | None:
    """Return the tensor that a call works on: `x` of `x.sum(0)` and of `torch.sum(x, 0)`."""
    if not isinstance(call.func, ast.Attribute):
        return None
    if is_module(call.func.value):
        return call.args[0] if call.args else None
    return call.func.value


def dims(value: object) -> int:
    """Return the number of axes of a tensor; 0 of anything else."""
    return value.dim() if isinstance(value, Tensor) else 0


def once_and_everywhere(cell: StudentCell) -> Iterator[Sequence[ast.expr]]:
    """Yield every expression alone, from the outside inwards, and then those of equal text together."""
    for node in cell.nodes:
        yield [node]
    for group in cell.same.values():
        if len(group) > 1:
            yield group


def factors_of(node: ast.expr) -> list[tuple[ast.expr, bool]]:
    """Return the factors of a product, each with whether it stands above: `a * b / c` has a, b and, below, c."""
    match node:
        case ast.BinOp(left, ast.Mult(), right):
            return [*factors_of(left), *factors_of(right)]
        case ast.BinOp(left, ast.Div(), right):
            return [*factors_of(left), *((factor, not above) for factor, above in factors_of(right))]
    return [(node, True)]


def terms_of(node: ast.expr) -> list[tuple[ast.expr, bool]]:
    """Return the terms of a sum, each with whether it is added: `a + b - c` has a, b and, subtracted, c."""
    match node:
        case ast.BinOp(left, ast.Add() | ast.Sub() as joins, right):
            return [*terms_of(left), (right, isinstance(joins, ast.Add))]
    return [(node, True)]


def product_of(factors: Sequence[tuple[ast.expr, bool]]) -> ast.expr:
    """Return the product of factors as factors_of gives them; 1 where there are none."""
    above = [factor for factor, up in factors if up]
    product = above[0] if above else ast.Constant(1)
    for factor in above[1:]:
        product = binary(product, ast.Mult(), factor)
    for factor in [factor for factor, up in factors if not up]:
        product = binary(product, ast.Div(), factor)
    return product


def within_product(node: ast.expr, cell: StudentCell) -> bool:
    """Return whether a node is a factor of its parent."""
    parent = cell.parents.get(node)
    return isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult | ast.Div)


def is_ordered(node: ast.expr, cell: StudentCell) -> bool:
    """Return whether only the order of a tensor's elements matters: `x` of `x.min(1)`. Its sign is no mistake then."""
    call = call_on(node, cell)
    return call is not None and isinstance(call.func, ast.Attribute) and call.func.attr in ORDERED


def call_on(node: ast.expr, cell: StudentCell) -> ast.Call | None:
    """Return the call that a node is given to, or whose method is called on it; None where there is none."""
    above = cell.parents.get(node)
    call = cell.parents.get(above) if isinstance(above, ast.Attribute) else above
    return call if isinstance(call, ast.Call) else None
