"""Find which gradients and values an exercise's locked autograd cells supply.

PyTorch's own backward pass is never run beside a submission. But a student's cell may use what a locked autograd cell
assigns, so grading must supply it. The rule:

- A d-variable that the cell assigns, `dx = x.grad`, is *given*: end to end it holds the true gradient of the case, step
  by step an independent random tensor. The forward pass is cut at it as at a marked step, but the student has it from
  the start and it earns no mark.
- Any other name that the cell assigns is a *value*. The trusted side finds values by running the cells after the
  forward pass of the case. They are supplied in every run, except those that a check cell compares with: these stay on
  the trusted side.

Only assignments at the top of a cell count; the variable of a loop is nobody's input.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class AutogradCells:
    """The gradients and values that the locked autograd cells supply.

    sources: the cells, in order. given: the name of the tensor by given d-variable. values: all other names that the
    cells assign.
    """

    sources: tuple[str, ...]
    given: dict[str, str]
    values: frozenset[str]


def autograd_cells(sources: tuple[str, ...]) -> AutogradCells:
    """Return what the locked autograd cells supply. A cell that is no plain Python (magics) supplies nothing."""
    given: dict[str, str] = {}
    values: set[str] = set()
    for source in sources:
        for node in _statements(source):
            if not isinstance(node, ast.Assign):
                continue
            tensor = _gradient_of(node.value)
            names = {part.id for target in node.targets for part in _parts(target) if isinstance(part, ast.Name)}
            if tensor is not None and len(names) == 1:
                given[names.pop()] = tensor
            else:
                values |= names
    return AutogradCells(sources, given, frozenset(values))


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []


def _parts(target: ast.expr) -> list[ast.expr]:
    """Return the targets of an assignment, those of a tuple or list one by one."""
    return target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def _gradient_of(node: ast.expr) -> str | None:
    """Return the x of `x.grad` or of a method call on it such as `x.grad.clone()`; None for any other expression."""
    match node:
        case ast.Attribute(ast.Name(tensor), "grad"):
            return tensor
        case ast.Call(ast.Attribute(inner), [], []):
            return _gradient_of(inner)
    return None
