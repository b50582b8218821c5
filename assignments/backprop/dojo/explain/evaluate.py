"""Evaluate a student's cell without running it: arithmetic on tensors, by an interpreter that knows little else.

Every operation is looked up in a closed list and is bounded in time and memory, so that text from anywhere can be
evaluated on the trusted side. What is not in the list raises UnknownError; nothing is then claimed about the cell.
Nothing that is given to a cell can be changed by it.
"""

from __future__ import annotations

import ast
import math
import time
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from .arithmetic import binary, compared, in_place, unary
from .functions import DEEPEST, Function, ReturnedError, bound
from .operations import FUNCTIONS, LARGEST, Tensor, UnknownError, check_axes, check_index, operation
from .values import ENTRIES, MATH, ROUNDS, attribute, called, constant, held, is_plain, items, own

# Bounds of one evaluation; `make bench-explain` prints what they leave unexplained.
OPERATIONS = 40_000
ELEMENTS = 20 * LARGEST  # of all tensors that are made
EACH = 10_000  # what one operation costs, in elements: it takes as long as so many elements do


class Original(ast.expr):
    """Stands within the replacement of a node for the node itself, unchanged."""

    def __init__(self, node: ast.expr) -> None:
        super().__init__()
        self.node = node


Changes = Mapping[ast.AST, Any]


class Evaluation:
    """One evaluation of a cell. names: the variables before it; what they hold is copied before the cell gets it.

    changes: nodes of the cell that are replaced: an expression by another, a statement by a list of statements. known:
    values of expressions that need not be computed again. until: when to give up, in this thread's processor time.
    """

    def __init__(
        self,
        names: Mapping[str, Any],
        changes: Changes | None = None,
        known: Mapping[ast.AST, Any] | None = None,
        until: float = math.inf,
    ) -> None:
        self.given = names
        self.names: dict[str, Any] = {}
        self.changes = changes or {}
        self.known = known or {}
        self.until = until
        self.depth = 0
        self.rounds = 0
        self.operations = 0
        self.elements = 0

    @property
    def cost(self) -> int:
        """What has been done so far, in elements."""
        return self.operations * EACH + self.elements

    def run(self, body: list[ast.stmt]) -> None:
        """Execute statements. Raises UnknownError, or what an operation raises."""
        for statement in body:
            changed = self.changes.get(statement)
            for other in [statement] if changed is None else changed:
                self._run_one(other)

    def get(self, name: str) -> Any:
        """Return the value of a name; what was given is copied first, for a cell may change it."""
        if name not in self.names:
            self.names[name] = self._counted(own(self.given.get(name)))
        return self.names[name]

    def _run_one(self, statement: Any) -> None:
        match statement:
            case ast.Assign(targets, value):
                found = self.value(value)
                for target in targets:
                    self._assign(target, found)
            case ast.AnnAssign(target, _, ast.expr() as value):
                self._assign(target, self.value(value))
            case ast.AugAssign(ast.Name(name), op, value):
                self.names[name] = self._counted(in_place(self.get(name), op, self.value(value)))
            case ast.AugAssign(ast.Subscript(base, index), op, value):
                whole, at = self.value(base), self._index(index)
                self._put(whole, at, in_place(self._at(whole, at), op, self.value(value)))
            case ast.Expr(value):
                if not isinstance(value, ast.Constant):
                    self.value(value)
            case ast.For(target, each, body, []):
                for item in self._rounds(self.value(each)):
                    self._assign(target, item)
                    self.run(body)
            case ast.With([ast.withitem(ast.Call(ast.Attribute(ast.Name("torch"), "no_grad"), [], []), None)], body):
                self.run(body)
            case ast.FunctionDef(name):
                self.names[name] = statement
            case ast.Return(ast.expr() as value):
                raise ReturnedError(self.value(value))
            case ast.Pass() | ast.Import() | ast.ImportFrom() | ast.Delete():
                pass
            case _:
                raise UnknownError(type(statement).__name__)

    def _assign(self, target: ast.expr, value: Any) -> None:
        target = self.changes.get(target, target)
        match target:
            case ast.Name(name):
                self.names[name] = held(value)
            case ast.Tuple(targets) | ast.List(targets):
                for one, item in zip(targets, items(value), strict=True):
                    self._assign(one, item)
            case ast.Subscript(base, index):
                self._put(self.value(base), self._index(index), value)
            case _:
                raise UnknownError(type(target).__name__)

    def _put(self, whole: Any, at: Any, value: Any) -> None:
        if isinstance(whole, Tensor):
            check_index(whole, at)
        elif not isinstance(whole, list) or type(at) is not int:
            raise UnknownError("index")
        if not is_plain(value):
            raise UnknownError("a list in a list")
        whole[at] = value

    def value(self, node: Any) -> Any:
        """Return the value of an expression."""
        if isinstance(node, Original):
            return self._counted(self._value(node.node))
        if node in self.known:
            return self.known[node]
        changed = self.changes.get(node)
        return self._counted(self._value(node)) if changed is None else self.value(changed)

    def _counted(self, value: Any) -> Any:
        """Return a value that was made. Raises UnknownError where more was done than one evaluation may."""
        self.operations += 1
        self.elements += value.numel() if isinstance(value, Tensor) else 0
        too_much = self.operations > OPERATIONS or self.elements > ELEMENTS
        # Asking for the time takes longer than adding two numbers.
        if too_much or (self.operations % 4 == 0 and time.thread_time() > self.until):
            raise UnknownError("too much")
        return check_axes(value)

    def _value(self, node: Any) -> Any:
        match node:
            case ast.Name(name):
                return self.get(name)
            case ast.Constant(value):
                return held(value)
            case ast.BinOp(left, op, right):
                return binary(self.value(left), op, self.value(right))
            case ast.UnaryOp(op, operand):
                return unary(op, self.value(operand))
            case ast.Compare(left, [op], [right]):
                return compared(self.value(left), op, self.value(right))
            case ast.Call():
                return held(self._call(node))
            case ast.Attribute(base, name):
                found = constant(_dotted(base), name)
                return attribute(self.value(base), name) if found is None else found
            case ast.Subscript(base, index):
                return held(self._at(self.value(base), self._index(index)))
            case ast.Tuple(items):
                return held(tuple(self.value(item) for item in items))
            case ast.List(items):
                return held([self.value(item) for item in items])
            case ast.ListComp(item, [ast.comprehension(target, each, [])]) | ast.GeneratorExp(
                item, [ast.comprehension(target, each, [])]
            ):
                made = []
                for one in self._rounds(self.value(each)):
                    self._assign(target, one)
                    made.append(self.value(item))
                return held(made)
            case ast.Lambda():
                return node
            case Original():
                return self._value(node.node)
            case _:
                raise UnknownError(type(node).__name__)

    def _rounds(self, value: Any) -> Iterator[Any]:
        for item in items(value):
            self.rounds += 1
            if self.rounds > ROUNDS:
                raise UnknownError("too many rounds")
            yield self._counted(item)

    def _index(self, node: ast.expr) -> Any:
        node = self.changes.get(node, node)
        match node:
            case ast.Slice(lower, upper, step):
                return slice(*(None if part is None else self.value(part) for part in (lower, upper, step)))
            case ast.Tuple(items):
                return tuple(self._index(item) for item in items)
            case _:
                found = self.value(node)
                return list(self._rounds(found)) if isinstance(found, range) else found

    def _at(self, whole: Any, index: Any) -> Any:
        if isinstance(whole, Tensor):
            check_index(whole, index)
        elif not isinstance(whole, tuple | list | range):
            raise UnknownError("index")
        return whole[index]

    def _call(self, node: ast.Call) -> Any:
        args: list[Any] = []
        for argument in node.args:
            if isinstance(argument, ast.Starred):
                args += self._rounds(self.value(argument.value))
            else:
                args.append(self.value(argument))
        words = {keyword.arg or "**": self.value(keyword.value) for keyword in node.keywords}
        match node.func:
            case ast.Name(name):
                return self._python(name, args, words)
            case ast.Attribute(base, name):
                module = _dotted(base)
                if module == "math" and name in MATH and all(isinstance(arg, int | float) for arg in args):
                    return MATH[name](*args)
                if module == "torch" and name == "Size":
                    return torch.Size(*args)
                if module in FUNCTIONS:
                    return operation(module, name, args, words)
                owner = self.value(base)
                if isinstance(owner, list) and name == "append" and len(args) == 1 and not words:
                    held([*owner, args[0]])
                    return owner.append(args[0])
                if not isinstance(owner, Tensor):
                    raise UnknownError(name)
                if name == "tolist" and owner.numel() <= ENTRIES and owner.dim() <= 2:
                    return owner.tolist()
                return operation("", name, [owner, *args], words)
        raise UnknownError("a call")

    def _own(self, function: Function, args: list[Any], words: Mapping[str, Any]) -> Any:
        """Return what a function of the cell's own gives. Its names end with it; what it changes in place stays."""
        if self.depth == DEEPEST:
            raise UnknownError("too deep")
        before, self.depth = self.names, self.depth + 1
        self.names = {**before, **bound(function, args, words, self.value)}
        try:
            if isinstance(function, ast.Lambda):
                return self.value(function.body)
            self.run(function.body)
        except ReturnedError as result:
            return result.value
        finally:
            self.names, self.depth = before, self.depth - 1
        return None

    def _python(self, name: str, args: list[Any], words: dict[str, Any]) -> Any:
        if isinstance(self.names.get(name), Function):
            return self._own(self.names[name], args, words)
        if name in self.names or callable(self.given.get(name)) or (words and name != "print"):
            raise UnknownError(name)
        if name == "sum":
            total: Any = args[1] if len(args) > 1 else 0
            for item in self._rounds(args[0]):
                total = self._counted(binary(total, ast.Add(), item))
            return total
        if name in ("list", "tuple"):
            made = list(self._rounds(args[0]))
            return made if name == "list" else tuple(made)
        return called(name, args)


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(name):
            return name if name in ("torch", "F", "math", "nn") else ""
        case ast.Attribute(base, name):
            return f"{_dotted(base)}.{name}" if _dotted(base) else ""
    return ""
