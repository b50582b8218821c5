"""Take the loops of a forward pass apart into their turns, for the sizes of one case.

The students' trial and grading both need it: the file of this name in the folder `exercise` is a link to this one.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .lines import Assignment, ForwardError, assignment, body_of, changed_by, pieces, read

MAX_TURNS = 1000  # of one loop; each becomes lines of its own


def unroll(source: str, names: Mapping[str, Any]) -> tuple[Assignment, ...]:
    """Return the assignments with every turn of every loop on its own, for the values of one case.

    names: all values after the forward pass. Each name is assigned once: what a later turn assigns again has a name
    such as `_h_1` before, and the last keeps `h`. Raises ForwardError.
    """
    body = body_of(source)
    if not any(isinstance(node, ast.For) for node in body):
        return read(source)
    flat = [pair for node in body for pair in _turns(node, source, names)]
    left = Counter(target for target, _ in flat)
    current: dict[str, str] = {}
    found = []
    for target, value in flat:
        renamed = _Renamed(current).visit(value)
        left[target] -= 1
        name = f"_{target}_{left[target]}" if left[target] else target
        found.append(assignment(name, renamed, f"{name} = {ast.unparse(renamed)}"))
        current[target] = name
    return tuple(found)


def _turns(node: ast.stmt, source: str, names: Mapping[str, Any]) -> Iterator[tuple[str, ast.expr]]:
    """Yield (name, expression) for every assignment of a statement, those of a loop turn by turn."""
    changed = changed_by(node)
    if changed is not None:
        yield changed, _after_change(node, changed, names)
    elif not isinstance(node, ast.For):
        for name, value, _ in pieces(node, source):
            yield name, value
    else:
        where = f"line {node.lineno} of the forward cell: `{ast.unparse(node.iter)}`"
        try:
            items = list(eval(compile(ast.Expression(node.iter), "<forward cell>", "eval"), dict(names)))
        except Exception as error:
            raise ForwardError(f"{where} cannot be run through: {type(error).__name__}: {error}") from None
        if len(items) > MAX_TURNS:
            raise ForwardError(f"{where} has {len(items)} turns, at most {MAX_TURNS} can be unrolled; make it shorter")
        for number, item in enumerate(items):
            constants: dict[str, Any] = {}
            element = ast.parse(f"list({ast.unparse(node.iter)})[{number}]", mode="eval").body
            yield from _bound(node.target, element, item, constants)
            for part in node.body:
                yield from _turns(_Constant(constants).visit(copy.deepcopy(part)), source, names)


def _bound(target: ast.expr, element: ast.expr, item: Any, constants: dict[str, Any]) -> Iterator[tuple[str, ast.expr]]:
    """Put what a loop's variables hold in one turn into `constants`; yield (name, expression) for what is no number."""
    if isinstance(target, (ast.Tuple, ast.List)):
        for number, part in enumerate(target.elts):
            inner = ast.parse(f"({ast.unparse(element)})[{number}]", mode="eval").body
            yield from _bound(part, inner, item[number], constants)
    elif isinstance(target, ast.Name):
        if isinstance(item, (int, float, str)):
            constants[target.id] = item
        else:
            yield target.id, element


def _after_change(node: ast.stmt, name: str, names: Mapping[str, Any]) -> ast.expr:
    """Return the value that a name has after a statement which changes it, as an expression of its value before."""
    if isinstance(node, ast.AugAssign):
        return ast.BinOp(ast.Name(name, ast.Load()), node.op, node.value)
    if isinstance(node, ast.Expr):
        assert isinstance(node.value, ast.Call)
        return ast.parse(f"[*{name}, {ast.unparse(node.value.args[0])}]", mode="eval").body
    assert isinstance(node, ast.Assign)
    index, value = ast.unparse(node.targets[0].slice), ast.unparse(node.value)  # type: ignore[attr-defined]
    if isinstance(names.get(name), list):
        return ast.parse(
            f"[{value} if _at == {index} else _kept for _at, _kept in enumerate({name})]", mode="eval"
        ).body
    if isinstance(names.get(name), dict):
        return ast.parse(f"{{**{name}, {index}: {value}}}", mode="eval").body
    raise ForwardError(
        f"line {node.lineno} of the forward cell changes {name} in place, so its steps have no gradient of their own; "
        "append to a list in the loop and torch.stack it after"
    )


class _Renamed(ast.NodeTransformer):
    """Gives the names that an expression reads other names; not those that the expression itself binds."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._own: set[str] = set()

    def visit(self, node: ast.AST) -> Any:
        if not self._own and isinstance(node, ast.expr):
            stored = (p.id for p in ast.walk(node) if isinstance(p, ast.Name) and not isinstance(p.ctx, ast.Load))
            self._own = {*stored, *(part.arg for part in ast.walk(node) if isinstance(part, ast.arg)), ""}
        return super().visit(node)

    def visit_Name(self, node: ast.Name) -> ast.Name:
        new = node.id if node.id in self._own else self._names.get(node.id, node.id)
        return ast.Name(new, node.ctx)


class _Constant(ast.NodeTransformer):
    """Puts the value of a loop's variable in its place."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        read = isinstance(node.ctx, ast.Load) and node.id in self._values
        return ast.parse(repr(self._values[node.id]), mode="eval").body if read else node
