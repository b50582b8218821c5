"""Build expressions of code from templates, and read an expression as an operation with its arguments."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import torch

ONE = ast.Constant(1.0)  # the gradient of the loss itself
BINARY: Mapping[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Pow: "pow",
    ast.MatMult: "matmul",
}
SAME = {  # other spellings of an operation
    **{"multiply": "mul", "subtract": "sub", "divide": "div", "true_divide": "div", "negative": "neg", "mm": "matmul"},
    **{"bmm": "matmul", "mv": "matmul", "dot": "matmul", "view": "reshape", "flatten": "reshape", "squeeze": "reshape"},
    **{
        "unsqueeze": "reshape",
        "view_as": "reshape",
        "reshape_as": "reshape",
        "swapaxes": "transpose",
        "ravel": "reshape",
    },
    **{"contiguous": "clone", "take_along_dim": "gather", "concat": "cat", "absolute": "abs", "t": "T", "H": "T"},
    **{"binary_cross_entropy_with_logits": "bce_with_logits", "clip": "clamp", "clamp_min": "clamp", "float": "clone"},
}
PARTS = ("chunk", "split", "unbind")  # operations that return a tuple of views
CHOSEN = ("max", "min", "topk", "sort", "median", "kthvalue")  # those that return values with their indices


class GapError(ValueError):
    """Raised where no rule derives an expression; the message names the operation."""


def build(template: str, **parts: ast.expr) -> ast.expr:
    """Return the template as an expression, with the names that are given replaced by expressions."""

    class Fill(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return copy.deepcopy(parts[node.id]) if node.id in parts else node

    filled: ast.expr = Fill().visit(ast.parse(template, mode="eval").body)
    return filled


def times(gradient: ast.expr, factor: ast.expr) -> ast.expr:
    """Return their product; a gradient of 1 is left out, but for a factor that is no number."""
    if is_one(gradient) and not isinstance(factor, ast.Compare):
        return factor
    return build("G * F", G=gradient, F=factor)


def is_one(node: ast.expr) -> bool:
    """Return whether the expression is the number 1."""
    return isinstance(node, ast.Constant) and node.value == 1


@dataclass(frozen=True)
class Operation:
    """An expression as an operation. op: its usual name. args: the tensor first. keywords: by name. node: the whole."""

    op: str
    args: tuple[ast.expr, ...]
    keywords: Mapping[str, ast.expr]
    node: ast.expr


@dataclass
class Scene:
    """What a forward line is derived with.

    names: all values after the forward pass, with their graph, and the gradient variables that are known by then.
    target: the name that the line assigns, whose expression is `root`. statements: lines that an answer needs before.
    """

    names: dict[str, Any]
    target: str
    root: ast.expr
    statements: list[str] = field(default_factory=list)

    def value_of(self, node: ast.expr) -> Any:
        """Return what an expression of the line, or one that was built from it, evaluates to."""
        return eval(ast.unparse(node), self.names)

    def shape_of(self, node: ast.expr) -> tuple[int, ...]:
        """Return its shape; () for a number."""
        value = self.value_of(node)
        return tuple(value.shape) if isinstance(value, torch.Tensor) else ()

    def needs_gradient(self, node: ast.expr) -> bool:
        """Return whether the gradient goes on into an expression."""
        if isinstance(node, ast.Constant):
            return False
        value = self.value_of(node)
        return isinstance(value, torch.Tensor) and value.requires_grad

    def written(self, node: ast.expr) -> ast.expr:
        """Return how an answer reads the value of a subexpression: its own name where it is the whole line."""
        return ast.Name(self.target, ast.Load()) if node is self.root else node

    def number(self, node: ast.expr | None, default: Any = None) -> Any:
        """Return the value of an argument that is no tensor; the default where there is none."""
        return default if node is None else self.value_of(node)

    def put_in(self, like: ast.expr, place: Callable[[str], str]) -> ast.expr:
        """Return zeros, shaped as `like`, with a gradient in one place. place: the statement, given the name."""
        name = f"part{len(self.statements) // 2 + 1 if self.statements else ''}"
        self.statements += [f"{name} = torch.zeros_like({ast.unparse(like)})", place(name)]
        for statement in self.statements[-2:]:
            with torch.no_grad():
                exec(statement, self.names)
        return ast.Name(name, ast.Load())


def read_operation(node: ast.expr, names: Mapping[str, Any]) -> Operation:
    """Return the operation that an expression is. Raises GapError for what is none."""
    match node:
        case ast.BinOp(left, op, right) if type(op) in BINARY:
            return Operation(BINARY[type(op)], (left, right), {}, node)
        case ast.UnaryOp(ast.USub(), operand):
            return Operation("neg", (operand,), {}, node)
        case ast.Call(ast.Attribute(base, name), args, keywords):
            given = {keyword.arg: keyword.value for keyword in keywords if keyword.arg is not None}
            arguments = tuple(args) if _is_module(base, names) else (base, *args)
            if not arguments and "input" in given:
                arguments = (given.pop("input"),)
            return Operation(SAME.get(name, name), arguments, given, node)
        case ast.Attribute(value, "T" | "mT" as name):
            return Operation(name, (value,), {}, node)
        case ast.Attribute(ast.Call() as call, "values") | ast.Subscript(ast.Call() as call, ast.Constant(0)):
            inner = read_operation(call, names)
            if inner.op in CHOSEN and not _is_tensor(call, names):
                return Operation("chosen", inner.args, inner.keywords, call)
    if isinstance(node, ast.Subscript):
        if isinstance(node.value, ast.Call) and not _is_tensor(node.value, names):
            inner = read_operation(node.value, names)
            if inner.op in PARTS:
                return Operation("part", (inner.args[0],), {}, node)
            raise GapError(inner.op)
        return Operation("index", (node.value,), {}, node)
    raise GapError(ast.unparse(node))


def _is_module(node: ast.expr, names: Mapping[str, Any]) -> bool:
    base = node
    while isinstance(base, ast.Attribute):
        base = base.value
    return isinstance(base, ast.Name) and isinstance(names.get(base.id), ModuleType)


def _is_tensor(node: ast.expr, names: Mapping[str, Any]) -> bool:
    return isinstance(eval(ast.unparse(node), dict(names)), torch.Tensor)
