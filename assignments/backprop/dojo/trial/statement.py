"""Read one statement of a student's code: which names it makes or changes; what a function does, its calls do."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence

INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
# Methods that end in an underscore and change no number.
HARMLESS = frozenset({"requires_grad_", "detach_", "share_memory_"})
# Cell magics that only watch what runs below them.
WATCHING = ("%%time", "%%capture")
LOOPS = (ast.For, ast.AsyncFor, ast.While)


def makes(statement: ast.stmt, names: Collection[str]) -> set[str]:
    """Return which of the names it assigns or changes in place."""
    found = {n.id for n in outside_functions(statement) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    return (found | changed_in_place(outside_functions(statement))).intersection(names)


def unfolded(node: ast.stmt) -> Iterator[ast.stmt]:
    """Yield a statement; for `with`, `if` without else and `try` one such block for each statement inside.

    For `a, b = x, y` two assignments, where neither value needs the names.
    """
    match node:
        case ast.Assign([ast.Tuple(names)], ast.Tuple(values)) if _one_by_one(names, values):
            yield from (ast.Assign([name], value, lineno=0) for name, value in zip(names, values, strict=True))
        case ast.With(items, body):
            yield from (ast.With(items, [inner], lineno=0) for each in body for inner in unfolded(each))
        case ast.If(test, body, []):
            yield from (ast.If(test, [inner], []) for each in body for inner in unfolded(each))
        case ast.Try(body, handlers, [], []) if handlers:
            yield from (ast.Try([inner], handlers, [], []) for each in body for inner in unfolded(each))
        case _:
            yield node


def _one_by_one(names: Sequence[ast.expr], values: Sequence[ast.expr]) -> bool:
    """Return whether these names can be given these values one after the other."""
    if len(names) != len(values) or any(isinstance(value, ast.Starred) for value in values):
        return False
    targets = {name.id for name in names if isinstance(name, ast.Name)}
    used = {n.id for value in values for n in ast.walk(value) if isinstance(n, ast.Name)}
    return len(targets) == len(names) and not targets & used


def pieces_together(loop: ast.stmt, names: Collection[str]) -> set[str]:
    """Return which of the names every round of a loop adds to: in place, or by making them from themselves."""
    found = changed_in_place(outside_functions(loop))
    for node in outside_functions(loop):
        match node:
            case ast.AugAssign(ast.Name(name)):
                found.add(name)
            case ast.Assign(targets, value):
                read = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
                found |= read & {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
    return found.intersection(names)


def outside_functions(node: ast.AST) -> Iterator[ast.AST]:
    """Yield a node and those below it, without the bodies of functions and classes."""
    yield node
    if not isinstance(node, INNER):
        for child in ast.iter_child_nodes(node):
            yield from outside_functions(child)


def changed_in_place(nodes: Iterable[ast.AST]) -> set[str]:
    """Return the names whose tensors, lists or dictionaries these nodes change in place."""
    found: set[str] = set()
    for node in nodes:
        match node:
            case ast.Subscript(ctx=ast.Store()) | ast.Attribute(ctx=ast.Store()):
                found |= _base(node)
            case ast.Call(func=ast.Attribute(attr="append" | "extend" | "insert")):
                found |= _base(node.func)
            case ast.Call(func=ast.Attribute(attr=method)) if method.endswith("_") and method not in HARMLESS:
                found |= _base(node.func)
            case ast.keyword(arg="out"):
                found |= _base(node.value)
    return found


def _base(node: ast.AST) -> set[str]:
    """Return the name that a chain such as `x.view(-1)[i].y` starts from."""
    while not isinstance(node, ast.Name):
        match node:
            case ast.Call(func=ast.Attribute(attr="clone")):
                return set()  # from here on another tensor's
            case ast.Subscript(value=inner) | ast.Attribute(value=inner) | ast.Call(func=inner):
                node = inner
            case _:
                return set()
    return {node.id}
