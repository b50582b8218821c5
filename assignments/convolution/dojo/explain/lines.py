"""Read the code of a forward pass as single assignments. It imports the standard library only.

Two sides read a forward pass: the students' explainer, which stands by itself, and grading, which must not wait for
torch at this point. So the file of this name in the folder `exercise` is a link to this one.

`a, b = x.chunk(2)` is read as `a = x.chunk(2)[0]` and `b = x.chunk(2)[1]`. A loop is one assignment for each name that
it makes; where it is graded, it is taken apart into its turns.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


class ForwardError(ValueError):
    """Raised where the forward cell is not a list of assignments; the message names the line."""


@dataclass(frozen=True)
class Assignment:
    """One atomic step of the forward pass.

    target: the name it assigns. uses: the names it reads, in order of first appearance.
    source: the assignment as written, without a trailing comment; of a loop (`read`) the whole loop.
    """

    target: str
    uses: tuple[str, ...]
    source: str

    @property
    def is_loop(self) -> bool:
        """Whether this is what a whole loop makes, so that its source is no single assignment."""
        return self.source.startswith("for ")


def read(source: str) -> tuple[Assignment, ...]:
    """Return the assignments of a forward cell, in order. Raises ForwardError where it has any other statement."""
    found: list[Assignment] = []
    seen: set[str] = set()
    for node in body_of(source):
        if isinstance(node, ast.For):
            new = _of_loop(node, source)
        else:
            new = [assignment(target, value, text) for target, value, text in pieces(node, source)]
            for each in new:
                if each.target in seen:
                    raise ForwardError(
                        f"line {node.lineno} of the forward cell assigns {each.target} a second time; use a new name"
                    )
                seen.add(each.target)
        seen |= {each.target for each in new}
        found += new
    if not found:
        raise ForwardError("the forward cell is empty; expected one assignment a line, the last one the loss")
    return tuple(found)


def body_of(source: str) -> list[ast.stmt]:
    """Return the statements of a forward cell. Raises ForwardError where it is not valid Python."""
    try:
        return ast.parse(source).body
    except SyntaxError as error:
        raise ForwardError(f"the forward cell is not valid Python: {error.msg} in line {error.lineno}") from None


def assignment(target: str, value: ast.expr, text: str) -> Assignment:
    """Return the assignment of an expression to a name. text: how it is written."""
    return Assignment(target, _names_read(value), text)


def _names_read(node: ast.AST) -> tuple[str, ...]:
    found = (part for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load))
    return tuple(dict.fromkeys(part.id for part in found))


def pieces(node: ast.stmt, source: str) -> Iterator[tuple[str, ast.expr, str]]:
    """Yield (name, expression, assignment as text) for each name that a statement assigns. Raises ForwardError."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
        yield node.target.id, node.value, f"{node.target.id} = {_text(node.value, source)}"
        return
    target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    if isinstance(node, ast.Assign) and isinstance(target, ast.Name):
        yield target.id, node.value, _text(node, source)
    elif isinstance(node, ast.Assign) and isinstance(target, (ast.Tuple, ast.List)):
        for name, value in _unpacked(target, node.value, node, source):
            yield name, value, f"{name} = {_text(value, source)}"
    else:
        raise _refused(node, source)


def _unpacked(target: ast.expr, value: ast.expr, node: ast.stmt, source: str) -> Iterator[tuple[str, ast.expr]]:
    """Yield (name, expression) for each name of `a, (b, c) = value`; `_` is nobody's name."""
    if isinstance(target, ast.Name):
        if target.id != "_":
            yield target.id, value
        return
    if not isinstance(target, (ast.Tuple, ast.List)) or any(isinstance(part, ast.Starred) for part in target.elts):
        raise _refused(node, source)
    if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts):
        names: set[str] = set()
        for part, own in zip(target.elts, value.elts):  # noqa: B905 (of one length)
            if names.intersection(_names_read(own)):
                raise ForwardError(
                    f"line {node.lineno} of the forward cell reads a name that it assigns; write two lines"
                )
            found = list(_unpacked(part, own, node, source))
            names |= {name for name, _ in found}
            yield from found
        return
    for number, part in enumerate(target.elts):
        yield from _unpacked(part, _item(value, source, number), node, source)


def _item(value: ast.expr, source: str, number: int) -> ast.expr:
    """Return the expression `value[number]`, with the text of `value` as it is written."""
    text = _text(value, source)
    simple = isinstance(value, (ast.Name, ast.Call, ast.Attribute, ast.Subscript))
    return ast.parse(f"{text}[{number}]" if simple else f"({text})[{number}]", mode="eval").body


def _text(node: ast.AST, source: str) -> str:
    # A node made by _item has positions of its own text, so it is written out again.
    written = ast.get_source_segment(source, node)
    return written if written is not None and _same(written, node) else ast.unparse(node)


def _same(written: str, node: ast.AST) -> bool:
    try:
        return ast.unparse(ast.parse(written.strip())) == ast.unparse(node)
    except SyntaxError:  # an expression in several lines that only its brackets hold together
        return False


def _of_loop(node: ast.For, source: str) -> list[Assignment]:
    """Return one assignment for each name that a loop leaves behind, all with the loop as their source."""
    made = dict.fromkeys(_made(node, source))
    turning = {part.id for part in ast.walk(node.target) if isinstance(part, ast.Name)}
    read = [name for name in _names_read(node) if name not in turning]
    written = ast.get_source_segment(source, node) or ast.unparse(node)
    return [Assignment(name, tuple(other for other in read if other != name), written) for name in made]


def _made(node: ast.For, source: str) -> Iterator[str]:
    """Yield the names that a loop makes. Raises ForwardError where it has a statement that cannot be unrolled."""
    if node.orelse:
        raise _refused(node, source)
    for part in node.body:
        changed = changed_by(part)
        if isinstance(part, ast.For):
            yield from _made(part, source)
        elif changed is not None:
            yield changed
        else:
            for name, _, _ in pieces(part, source):
                yield name


def changed_by(node: ast.stmt) -> str | None:
    """Return the name that `x += e`, `x[i] = e` or `x.append(e)` changes; None for any other statement."""
    place: ast.AST | None = None
    if isinstance(node, ast.AugAssign):
        place = node.target
    elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Subscript):
        place = node.targets[0].value
    elif isinstance(node, ast.Expr) and _is_append(node.value):
        place = node.value.func.value  # type: ignore[attr-defined]
    return place.id if isinstance(place, ast.Name) else None


def _is_append(node: ast.expr) -> bool:
    call = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "append"
    return call and len(node.args) == 1 and not node.keywords  # type: ignore[attr-defined]


def _refused(node: ast.stmt, source: str) -> ForwardError:
    """Return the error for a statement that is no assignment, with what to do instead."""
    instead = "write one assignment a line, each to a new name"
    for kinds, cure in INSTEAD:
        if isinstance(node, kinds):
            instead = cure
    written = (ast.get_source_segment(source, node) or ast.unparse(node)).splitlines()[0]
    return ForwardError(
        f"line {node.lineno} of the forward cell is not of the form `name = expression`: {written}; {instead}"
    )


INSTEAD: tuple[tuple[Any, str], ...] = (
    (
        (ast.FunctionDef, ast.ClassDef),
        "a function hides the steps that students are to see: write its lines out here, or define it in setup "
        "where a call of it is one step",
    ),
    ((ast.If, ast.While, ast.Try), "decide in setup which lines there are, or choose between values with torch.where"),
    (ast.With, "write its lines without `with`; what needs no gradient belongs into setup"),
    ((ast.Import, ast.ImportFrom), "import in the setup cell"),
    (ast.AugAssign, "write `new = old + ...`: a tensor that is changed in place has no gradient of its own"),
    (ast.Expr, "print and plot in a cell of its own"),
)
