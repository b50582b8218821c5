"""See whether the code under way is in a `while` that nothing can end.

It is said only of loops that prove it by their text: the condition is a constant, or reads names of plain values that
the loop does not assign, and nothing in the loop leaves it or could come to raise. Any other loop has the whole time
of a cell, for a slow right answer looks like an endless one.
"""

from __future__ import annotations

import ast
import linecache
from collections.abc import Iterable, Iterator
from types import FrameType

MAX_FRAMES = 50  # from the code under way outwards: a loop stands near it, or it is in a deep recursion, which ends
PLAIN = (int, float, complex, bool, str, bytes, type(None))  # values that only an assignment replaces
SIMPLE = (ast.Name, ast.Constant, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.IfExp, ast.Tuple, ast.List)
MODULES = ("torch", "time")  # whose functions, called again with the same, do not come to raise
GRAMMAR = (ast.expr_context, ast.operator, ast.cmpop, ast.boolop, ast.unaryop)
# Of values that change: with these no number comes to raise, as it does by 1 / x or x ** x.
SAFE = (ast.Add, ast.Sub, ast.Mult)
CELL = ("<ipython-input-", "ipykernel_")  # in the made-up file names of cells


def endless_loop(frame: FrameType | None) -> str | None:
    """Return the first line of an endless loop that the frame or one of its callers is in; None where none is known."""
    for _ in range(MAX_FRAMES):
        if frame is None:
            return None
        if any(part in frame.f_code.co_filename for part in CELL):
            for loop in _loops_at(frame):
                if _proven(loop, frame):
                    return f"while {ast.unparse(loop.test)}:"
        frame = frame.f_back
    return None


def _loops_at(frame: FrameType) -> Iterator[ast.While]:
    """Yield the `while` loops around the line under way, all of the frame's own function."""
    lines = linecache.getlines(frame.f_code.co_filename)
    try:
        tree = ast.parse("".join(lines))
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # magics
        return
    line = frame.f_lineno
    for node in ast.walk(tree):
        if isinstance(node, ast.While) and node.lineno <= line <= (node.end_lineno or 0):
            yield node


def _proven(loop: ast.While, frame: FrameType) -> bool:
    nodes = [node for statement in loop.body for node in ast.walk(statement)]
    changed = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return _stays_true(loop.test, changed, frame) and _Body(changed, frame).goes_on(loop.body)


def _stays_true(test: ast.expr, changed: set[str], frame: FrameType) -> bool:
    """Return whether the condition, which held when the loop was entered, cannot change."""

    def same(node: ast.expr) -> bool:
        match node:
            case ast.Constant():
                return True
            case ast.Name(name):
                return name not in changed and isinstance(_value(name, frame), PLAIN)
            case ast.Subscript(ast.Attribute(ast.Name(name), "shape"), ast.Constant()):
                return name not in changed and _is_tensor(_value(name, frame))
            case ast.Call(ast.Name("len"), [ast.Name(name)], []):
                return name not in changed and _is_tensor(_value(name, frame))
        parts = (part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))
        return isinstance(node, SIMPLE) and all(map(same, parts))

    return bool(test.value) if isinstance(test, ast.Constant) else same(test)


class _Body:
    """What a loop has in it. changed: the names that it assigns."""

    def __init__(self, changed: set[str], frame: FrameType) -> None:
        self._changed = changed
        self._frame = frame

    def goes_on(self, body: Iterable[ast.stmt], *, always: bool = True) -> bool:
        """Return whether all statements come to their end, again and again.

        always: whether each turn runs all of them, so that what raises would have done so in the first.
        """
        return all(self._comes_to_its_end(statement, always=always) for statement in body)

    def _comes_to_its_end(self, statement: ast.stmt, *, always: bool) -> bool:
        match statement:
            case ast.Pass():
                return True
            case ast.If() | ast.While():
                inner = (*statement.body, *statement.orelse)
                return self._repeats(statement.test, always=always) and self.goes_on(inner, always=False)
            case ast.Assign():
                targets = all(self._is_target(target, always=always) for target in statement.targets)
                return targets and self._repeats(statement.value, always=always)
            case ast.AugAssign():
                # Added to itself, an unchanged part of a tensor never raises either.
                safe = isinstance(statement.op, SAFE) and self._is_target(statement.target, always=always)
                return safe and self._repeats(statement.value, always=always)
            case ast.Expr(ast.Call(ast.Name("print"), args, [])):
                same = not any(_names(argument) & self._changed for argument in args)
                known = "print" not in self._frame.f_globals and "print" not in self._frame.f_locals
                return same and known and all(self._repeats(argument, always=True) for argument in args)
            case ast.Expr():
                return self._repeats(statement.value, always=always)
        return False

    def _is_target(self, target: ast.expr, *, always: bool) -> bool:
        """Return whether assigning to this cannot raise later, nor change a name by way of a namespace's dict."""
        if isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            same = not _names(target) & self._changed and not _calls(target) and always
            return same and not isinstance(_value(target.value.id, self._frame), dict)
        return isinstance(target, ast.Name)

    def _repeats(self, expression: ast.expr, *, always: bool) -> bool:
        """Return whether an expression can be evaluated for ever."""
        if always and not _names(expression) & self._changed and all(map(self._is_pure, _calls(expression))):
            return True  # the same on the same values
        nodes = [node for node in ast.walk(expression) if not isinstance(node, GRAMMAR)]
        unsafe = (node for node in nodes if isinstance(node, ast.BinOp) and not isinstance(node.op, SAFE))
        return all(isinstance(node, SIMPLE) for node in nodes) and not any(unsafe)

    def _is_pure(self, call: ast.AST) -> bool:
        """Return whether it calls a function of PyTorch or of time, or a method of a tensor, on unchanged values."""
        function = call.func if isinstance(call, ast.Call) else None
        while isinstance(function, ast.Attribute):
            function = function.value
        if not isinstance(function, ast.Name) or not isinstance(call, ast.Call) or call.func is function:
            return False
        value = _value(function.id, self._frame)
        return getattr(value, "__name__", None) in MODULES or _is_tensor(value)


def _is_tensor(value: object) -> bool:
    return type(value).__module__ == "torch"


def _names(expression: ast.expr) -> set[str]:
    return {node.id for node in ast.walk(expression) if isinstance(node, ast.Name)}


def _calls(expression: ast.expr) -> list[ast.AST]:
    return [n for n in ast.walk(expression) if isinstance(n, ast.Call | ast.Await | ast.Yield | ast.YieldFrom)]


def _value(name: str, frame: FrameType) -> object:
    """Return what a name holds in a frame; PLAIN itself, which is no plain value, where it holds nothing."""
    return frame.f_locals.get(name, frame.f_globals.get(name, PLAIN))
