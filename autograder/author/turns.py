"""Read a loop of the forward pass as one turn, with a name of its own for each value that a turn makes."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from autograder.author.derive.expression import GapError
from autograder.exercise.lines import changed_by, pieces


@dataclass
class Turn:
    """One turn: `h_before` is the h that it begins with, `h_now` the one that it makes.

    lines: (name, expression) in order. carried: the names that a turn reads before it assigns them. appended: by list,
    the name of what a turn appends to it.
    """

    node: ast.For
    lines: list[tuple[str, ast.expr]] = field(default_factory=list)
    carried: list[str] = field(default_factory=list)
    appended: dict[str, str] = field(default_factory=dict)

    @property
    def is_counted(self) -> bool:
        """Whether the loop's variable is the number of the turn, from 0."""
        return isinstance(self.node.target, ast.Name) and self._is_range and len(self.node.iter.args) == 1  # type: ignore

    @property
    def in_reverse(self) -> str:
        """The code of what the loop runs through, from its end."""
        written = ast.unparse(self.node.iter)
        return f"reversed({written})" if self._is_range else f"reversed(list({written}))"

    def element(self, tensor: str) -> tuple[str, int] | None:
        """Return the loop's variable that is the tensor in one turn, and the number of that turn; None for any other.

        In `for W, b in layers` it is W for `layers[2][0]`, and in `for W, b in zip(Ws, bs)` for `Ws[2]`.
        """
        over, target = self.node.iter, self.node.target
        zipped = isinstance(over, ast.Call) and ast.unparse(over.func) == "zip" and isinstance(target, ast.Tuple)
        match ast.parse(tensor, mode="eval").body:
            case ast.Subscript(base, ast.Constant(int(number))) if zipped:
                pairs = zip(over.args, target.elts, strict=False)  # type: ignore[attr-defined]
                names = [each.id for each_of, each in pairs if isinstance(each, ast.Name) and _same(each_of, base)]
                return (names[0], number) if names else None
            case ast.Subscript(base, ast.Constant(int(number))) if isinstance(target, ast.Name) and _same(base, over):
                return target.id, number
            case ast.Subscript(ast.Subscript(base, ast.Constant(int(number))), ast.Constant(int(place))) if _same(
                base, over
            ):
                part = target.elts[place] if isinstance(target, ast.Tuple) else None
                return (part.id, number) if isinstance(part, ast.Name) else None
        return None

    @property
    def _is_range(self) -> bool:
        call = self.node.iter
        return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "range"


def read_turn(source: str) -> Turn:
    """Return one turn of a loop. Raises GapError for a loop that cannot be derived, ForwardError."""
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.For)
    statements = [each for statement in node.body for each in _statements(statement, source)]
    left = Counter(name for name, _, _ in statements)
    lists = {name for name, _, appends in statements if appends}
    turn, current = Turn(node), dict[str, str]()
    for name, value, appends in statements:
        for read in names_in(value):
            if read in lists:
                raise GapError(f"a loop that reads the list {read}, which it makes")
            if read in left and read not in current:
                turn.carried.append(read)
                current[read] = f"{read}_before"
        left[name] -= 1
        renamed = Renamed(current).visit(value)
        if appends and name in turn.appended:
            raise GapError(f"a loop that appends to {name} twice")
        if appends and isinstance(renamed, ast.Name):
            turn.appended[name] = renamed.id
            continue
        local = f"{name}_now{left[name] or ''}"
        turn.lines.append((local, renamed))
        if appends:
            turn.appended[name] = local
        else:
            current[name] = local
    return turn


def _statements(node: ast.stmt, source: str) -> Iterator[tuple[str, ast.expr, bool]]:
    """Yield (name, expression, whether it is appended to the list of that name) for what a statement assigns."""
    if isinstance(node, ast.For):
        raise GapError("a loop in a loop")
    changed = changed_by(node)
    if isinstance(node, ast.AugAssign) and changed is not None:
        yield changed, ast.BinOp(ast.Name(changed, ast.Load()), node.op, node.value), False
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield str(changed), node.value.args[0], True
    elif changed is not None:
        raise GapError(f"a loop that changes {changed} in place")
    else:
        for name, value, _ in pieces(node, source):
            yield name, value, False


def _same(one: ast.expr, other: ast.expr) -> bool:
    return ast.unparse(one) == ast.unparse(other)


def names_in(node: ast.AST) -> list[str]:
    """Return the names that code reads, each once, in order."""
    found = (part for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load))
    return list(dict.fromkeys(part.id for part in found))


class Renamed(ast.NodeTransformer):
    """Gives the names that an expression reads other names."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """Return the name under its new name."""
        return ast.Name(self._names.get(node.id, node.id), node.ctx)
