"""Changes of functions and order: another function, arguments or entries that are swapped, another axis."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from itertools import combinations

from .cell import StudentCell
from .edit import (
    Edit,
    called,
    dims,
    owner_of,
    quoted,
)

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
    "softplus": ("sigmoid", "tanh"),
    "logsigmoid": ("sigmoid",),
    "silu": ("sigmoid",),
    "gelu": ("ndtr",),
}


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
