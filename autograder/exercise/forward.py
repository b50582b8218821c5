"""Read the forward cell: one assignment a line, each an atomic step."""

from __future__ import annotations

import ast
from dataclasses import dataclass


class ForwardError(ValueError):
    """Raised where the forward cell is not a list of assignments; the message names the line."""


@dataclass(frozen=True)
class Assignment:
    """One atomic step of the forward pass.

    target: the name it assigns. uses: the names it reads, in order of first appearance.
    source: the assignment as written, without a trailing comment.
    """

    target: str
    uses: tuple[str, ...]
    source: str


def parse_forward(source: str) -> tuple[Assignment, ...]:
    """Return the assignments of a forward cell, in order. Raises ForwardError where it has any other statement."""
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise ForwardError(f"the forward cell is not valid Python: {error.msg} in line {error.lineno}") from None
    assignments: list[Assignment] = []
    for node in tree.body:
        if not (isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)):
            raise ForwardError(
                f"line {node.lineno} of the forward cell is not of the form `name = expression`: "
                f"{ast.get_source_segment(source, node)}"
            )
        target = node.targets[0].id
        if any(earlier.target == target for earlier in assignments):
            raise ForwardError(f"line {node.lineno} of the forward cell assigns {target} a second time; use a new name")
        uses = dict.fromkeys(part.id for part in ast.walk(node.value) if isinstance(part, ast.Name))
        written = ast.get_source_segment(source, node) or ast.unparse(node)
        assignments.append(Assignment(target, tuple(uses), written))
    if not assignments:
        raise ForwardError("the forward cell is empty; expected one assignment a line, the last one the loss")
    return tuple(assignments)


def consumers(assignments: tuple[Assignment, ...], tensor: str) -> tuple[Assignment, ...]:
    """Return the steps that read `tensor`, last one first: the order in which the paths of its gradient arrive."""
    return tuple(step for step in reversed(assignments) if tensor in step.uses)
