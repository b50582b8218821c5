"""The usual mistakes in an exercise's own answers: its code with a sign, a factor, an axis or an operand changed."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from autograder.author.answers import answer_of, parses
from autograder.exercise.notebook import Exercise
from autograder.exercise.steps import Step

REDUCTIONS = frozenset({"sum", "mean"})
WITH_AXIS = frozenset({"sum", "mean", "max", "amax", "min", "softmax", "cumsum", "argmax"})
SWAPS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
}
MAX_MISTAKES = 40  # in one step; more would be the same few at more places


@dataclass(frozen=True)
class Mistake:
    """One mistake in one step. kind: in words. cells: the sources of the cells that have it, by grade_id."""

    kind: str
    cells: dict[str, str]


def usual_mistakes(exercise: Exercise, step: Step) -> list[Mistake]:
    """Return the usual mistakes that can be made in a step's own answer, each of them once."""
    found: list[Mistake] = []
    sources = {name: exercise.cells[name].source for name in step.solutions}
    last = step.solutions[-1]
    if step.gradient and all(map(parses, sources.values())):
        for kind, line in (
            ("the sign", f"{step.name} = -{step.name}"),
            ("a factor of 2", f"{step.name} = 2 * {step.name}"),
            ("zeros", f"{step.name} = 0 * {step.name}"),
        ):
            found.append(Mistake(kind, {last: f"{sources[last]}\n{line}"}))
        if len(step.solutions) > 1:
            for name in step.solutions[1:]:
                found.append(Mistake(f"the path in {name} left out", {name: "pass"}))
    for name, source in sources.items():
        if parses(source) and answer_of(source).strip():
            found += [Mistake(kind, {name: changed}) for kind, changed in _changes(source)]
    seen: set[str] = set()
    return [m for m in found if not (str(m.cells) in seen or seen.add(str(m.cells)))][:MAX_MISTAKES]  # type: ignore


def _changes(source: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, source) for each change of one place in the code."""
    tree = ast.parse(source)
    for number, statement in enumerate(tree.body):
        if isinstance(statement, ast.AugAssign):
            changed = copy.deepcopy(tree)
            changed.body[number] = ast.Pass()
            yield f"without `{ast.unparse(statement)}`", ast.unparse(changed)
    for number, node in enumerate(ast.walk(tree)):
        for kind, change in _at(node):
            changed = copy.deepcopy(tree)
            place = next(part for at, part in enumerate(ast.walk(changed)) if at == number)
            written = _replaced(changed, place, change(place))
            if written is not None:
                yield kind, written


def _at(node: ast.AST) -> Iterator[tuple[str, Callable[[ast.AST], ast.AST]]]:
    """Yield (kind, function that makes another node of this one) for the mistakes that can be made at a node."""
    written = ast.unparse(node) if isinstance(node, ast.expr | ast.AugAssign) else ""
    if isinstance(node, ast.BinOp) and "ones" in written and isinstance(node.op, ast.Mult | ast.Div):
        return  # a factor of ones may be left out, and is divided by as well
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Mult | ast.Div | ast.Add | ast.Sub | ast.MatMult):
            if not isinstance(node.right, ast.Constant):
                yield f"`{ast.unparse(node.left)}` in place of `{written}`", lambda n: n.left  # type: ignore
            if not isinstance(node.op, ast.Div):
                yield f"`{ast.unparse(node.right)}` in place of `{written}`", lambda n: n.right  # type: ignore
        if type(node.op) in SWAPS:
            yield f"the other of * and /, or + and -, in `{written}`", _with_operator
        if isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            yield f"no power in `{written}`", lambda n: n.left  # type: ignore
    elif isinstance(node, ast.AugAssign) and type(node.op) in SWAPS:
        yield f"the other of += and -=, or *= and /=, in `{written}`", _with_operator
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield f"no minus in `{written}`", lambda n: n.operand  # type: ignore
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        called = node.func.attr
        if called in REDUCTIONS:
            yield f"no {called} in `{written}`", lambda n: n.func.value  # type: ignore
        if called in WITH_AXIS and any(map(_is_axis, node.args[:1])):
            yield f"another axis in `{written}`", _with_axis
    elif isinstance(node, ast.Attribute) and node.attr in ("T", "mT"):
        yield f"no transpose in `{written}`", lambda n: n.value  # type: ignore


def _is_axis(node: ast.expr) -> bool:
    plain = node.operand if isinstance(node, ast.UnaryOp) else node
    return isinstance(plain, ast.Constant) and type(plain.value) is int


def _with_axis(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Call)
    axis = ast.literal_eval(node.args[0])
    node.args[0] = ast.Constant(0 if axis else 1)
    return node


def _with_operator(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.BinOp | ast.AugAssign)
    node.op = SWAPS[type(node.op)]()
    return node


class _Put(ast.NodeTransformer):
    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old = old
        self._new = new

    def visit(self, node: ast.AST) -> ast.AST:
        return self._new if node is self._old else self.generic_visit(node)


def _replaced(tree: ast.AST, old: ast.AST, new: ast.AST) -> str | None:
    try:
        return ast.unparse(ast.fix_missing_locations(_Put(old, new).visit(tree)))
    except Exception:  # a place where the new node cannot stand, such as the target of an assignment
        return None
