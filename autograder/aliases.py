"""Two names for one gradient in a student's code: what is changed in place through the one changes the other."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from autograder.provenance import parsed
from autograder.submission import Submission


def changed_through(name: str, submission: Submission) -> str | None:
    """The other name, where `name = other` stands in the step's own cells and `other` is changed in place after it.

    Only what happens before the step is complete counts: later its value has been recorded.
    """
    own = submission.indices[name]
    others: set[str] = set()
    for index, statement in _statements(submission):
        if own and index > max(own):
            break
        for other in others:
            if _changes(statement, other):
                return other
        match statement:
            case ast.Assign([ast.Name(target)], value) if target == name:
                others = {value.id} if isinstance(value, ast.Name) and index in own else set()
    return None


def _statements(submission: Submission) -> Iterator[tuple[int, ast.stmt]]:
    for cell in submission.script:
        tree = parsed(cell.source)
        if tree is not None:
            yield from ((cell.index, statement) for statement in tree.body)


def _changes(statement: ast.stmt, name: str) -> bool:
    """Whether the statement changes the tensor of this name in place."""
    for node in ast.walk(statement):
        match node:
            case ast.AugAssign(ast.Name(found)) | ast.AugAssign(ast.Subscript(ast.Name(found))):
                pass
            case ast.Subscript(ast.Name(found), ctx=ast.Store()):
                pass
            case ast.Call(ast.Attribute(ast.Name(found), method)) if method.endswith("_"):
                pass
            case _:
                continue
        if found == name:
            return True
    return False
