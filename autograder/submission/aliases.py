"""Find a d-variable that shares its memory with another one, which changes in place before the step is complete."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.dojo.trial.code import parsed
from autograder.dojo.trial.statement import changed_in_place
from autograder.submission.notebook import Submission


def changed_through(name: str, submission: Submission) -> str | None:
    """Return `other`, where the step's own cells have `name = other` and `other` is changed in place after it.

    Only what happens before the step is complete counts: later its value has been recorded.
    """
    own = submission.indices[name]
    others: set[str] = set()
    for index, statement in _top_statements(submission):
        if own and index > max(own):
            break
        for other in others:
            if _changes(statement, other):
                return other
        match statement:
            case ast.Assign([ast.Name(target)], value) if target == name:
                others = {value.id} if isinstance(value, ast.Name) and index in own else set()
    return None


def _top_statements(submission: Submission) -> Iterator[tuple[int, ast.stmt]]:
    for cell in submission.script:
        tree = parsed(cell.source)
        if tree is not None:
            yield from ((cell.index, statement) for statement in tree.body)


def _changes(statement: ast.stmt, name: str) -> bool:
    """Return whether the statement changes the tensor of this name in place."""
    nodes = list(ast.walk(statement))
    return name in changed_in_place(nodes) or any(
        isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and node.target.id == name
        for node in nodes
    )
