"""What an exercise's locked autograd cells say: which gradients and values they supply.

PyTorch's own backward pass is never run beside a submission. But what a locked autograd cell assigns, a student's
cell may use, so grading must supply it. The rule:

- A d-variable that it assigns, `dx = x.grad`, is *given*: end to end it holds the true gradient of the case, step
  by step an independent random tensor. It is cut out like a marked step, only that the student has it from the
  start and nobody is marked on it.
- Any other name that it assigns is a *value*. Values are found by running the cells on the trusted side, after the
  forward pass of the case. They are supplied too, in every run the same, but for those that a check cell compares
  with: these stay on the trusted side.

Only plain assignments at the top of a cell count; the variable of a loop is nobody's input.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class AutogradCells:
    """sources: the cells, in order. given: the tensor of each given d-variable. values: other names they assign."""

    sources: tuple[str, ...]
    given: dict[str, str]
    values: frozenset[str]


def autograd_cells(sources: tuple[str, ...]) -> AutogradCells:
    """Read the locked autograd cells of an exercise. One that is no plain Python (magics) supplies nothing."""
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
    """The targets of an assignment, those of a tuple one by one."""
    return target.elts if isinstance(target, ast.Tuple | ast.List) else [target]


def _gradient_of(node: ast.expr) -> str | None:
    """The x of `x.grad`, also where a method without arguments follows, such as `x.grad.clone()`."""
    match node:
        case ast.Attribute(ast.Name(tensor), "grad"):
            return tensor
        case ast.Call(ast.Attribute(inner), [], []):
            return _gradient_of(inner)
    return None
