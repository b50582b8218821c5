"""Derive one forward line: the code of the gradient of each tensor that it reads, given that of what it makes."""

from __future__ import annotations

import ast
from collections.abc import Collection, Mapping
from typing import Any

import torch

from autograder.author.derive.broadcast import whole
from autograder.author.derive.expression import ONE, GapError, Scene, build, read_operation
from autograder.author.derive.rules import RULES
from autograder.exercise.lines import Assignment


def derive_line(
    line: Assignment, tensor: str, marked: Collection[str], names: Mapping[str, Any], upstream: str | None
) -> tuple[list[str], str]:
    """Return (statements, expression): what a line contributes to the gradient of a tensor.

    marked: the tensors at which a derivation stops. names: all values after the forward pass, with their graph, and the
    upstream gradient. upstream: its name; None for the loss. Raises GapError where no rule derives a part of the line.
    """
    if line.is_loop:
        raise GapError("a loop")
    node = ast.parse(line.source).body[0]
    assert isinstance(node, ast.Assign)
    scene = Scene(dict(names), line.target, node.value)
    found: list[ast.expr] = []

    def back(at: ast.expr, gradient: ast.expr) -> None:
        written = ast.unparse(at)
        if written in marked:
            if written == tensor:
                found.append(whole(scene, gradient, at))
            return
        operation = read_operation(at, scene.names)
        if operation.op not in RULES:
            raise GapError(operation.op)
        for child, part in RULES[operation.op](scene, operation, gradient):
            if _leads_to(child, tensor) and scene.needs_gradient(child):
                back(child, part)

    with torch.enable_grad():
        back(node.value, ONE if upstream is None else ast.Name(upstream, ast.Load()))
    if not found:
        raise GapError(line.source)
    total = found[0]
    for part in found[1:]:
        total = build("A + B", A=total, B=part)
    return scene.statements, ast.unparse(total)


def _leads_to(node: ast.expr, tensor: str) -> bool:
    """Return whether an expression reads the tensor."""
    return any(isinstance(part, ast.expr) and ast.unparse(part) == tensor for part in ast.walk(node))
