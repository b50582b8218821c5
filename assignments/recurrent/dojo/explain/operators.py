"""Write calls that do what an operator does as the operator: `x.mul(y)` as `x * y`, `F.linear(x, W)` as `x @ W.T`.

So one and the same slip is found however it is written. What a sentence quotes stays as the student wrote it.
"""

from __future__ import annotations

import ast

BINARY: dict[str, type[ast.operator]] = {
    "mul": ast.Mult,
    "multiply": ast.Mult,
    "div": ast.Div,
    "divide": ast.Div,
    "true_divide": ast.Div,
    "add": ast.Add,
    "sub": ast.Sub,
    "subtract": ast.Sub,
    "matmul": ast.MatMult,
    "mm": ast.MatMult,
    "bmm": ast.MatMult,
    "pow": ast.Pow,
}
MODULES = ("torch", "F", "nn.functional", "torch.nn.functional")


def with_operators(tree: ast.Module) -> ast.Module:
    """Return the module, changed in place, with operators for such calls."""
    calls = {node for node in ast.walk(tree) if isinstance(node, ast.Call) and _operation(node) is not None}
    if not calls:
        return tree
    for node in ast.walk(tree):  # before any of them changes
        if isinstance(node, ast.expr) and not calls.isdisjoint(ast.walk(node)):
            node._text = ast.unparse(node)  # type: ignore[attr-defined]
    changed: ast.Module = _Operators().visit(tree)
    return changed


class _Operators(ast.NodeTransformer):
    def visit_Call(self, node: ast.Call) -> ast.AST:
        text = getattr(node, "_text", "")
        self.generic_visit(node)
        found = _operation(node)
        if found is None:
            return node
        found._text = text  # type: ignore[attr-defined]
        return found


def _operation(call: ast.Call) -> ast.expr | None:
    """Return the operation that a call is; None for any other call."""
    if call.keywords or not isinstance(call.func, ast.Attribute):
        return None
    owner, name = call.func.value, call.func.attr
    args = call.args if ast.unparse(owner) in MODULES else [owner, *call.args]
    match name, args:
        case _, [left, right] if name in BINARY:
            return ast.BinOp(left, BINARY[name](), right)
        case "linear", [left, weight]:
            return ast.BinOp(left, ast.MatMult(), ast.Attribute(weight, "T", ast.Load()))
        case "square", [only]:
            return ast.BinOp(only, ast.Pow(), ast.Constant(2))
        case "neg" | "negative", [only]:
            return ast.UnaryOp(ast.USub(), only)
        case "reciprocal", [only]:
            return ast.BinOp(ast.Constant(1), ast.Div(), only)
        case "t", [only]:
            return ast.Attribute(only, "T", ast.Load())
    return None
