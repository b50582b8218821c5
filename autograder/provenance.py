"""Where a gradient came from: what a cell's code says of autograd."""

from __future__ import annotations

import ast

# Calls that make autograd compute something, whatever they are called on.
ENTRY_POINTS = frozenset({"backward", "vjp", "jvp", "jacobian", "jacrev", "jacfwd", "vhp", "hvp", "hessian"})
MODULES = ("torch.autograd", "torch.func", "functorch")


def runs_autograd(source: str) -> bool:
    """Whether the code calls autograd or imports it. Comments and strings do not count."""
    return any(_is_entry(node) for node in _nodes(source))


def reads_grad(source: str) -> bool:
    """Whether the code reads a `.grad`, where autograd leaves its results."""
    return any(isinstance(node, ast.Attribute) and node.attr == "grad" for node in _nodes(source))


def _nodes(source: str) -> list[ast.AST]:
    try:
        return list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError):
        # Magics, or code that does not run at all: there is no value to ask about.
        return []


def _is_entry(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(ast.Attribute(ast.Name("torch"), "autograd" | "func")):
            return True
        case ast.Attribute(ast.Name("autograd" | "functorch")):
            return True
        case ast.Call(ast.Attribute(_, name)) | ast.Call(ast.Name(name)):
            return name in ENTRY_POINTS
        case ast.ImportFrom(module=str(module)):
            return module.startswith(MODULES)
        case ast.Import(names):
            return any(alias.name.startswith(MODULES) for alias in names)
    return False
