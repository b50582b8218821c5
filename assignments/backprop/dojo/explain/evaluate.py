"""Evaluate a student's cell without running it: arithmetic on tensors, by an interpreter that knows little else.

Every operation is looked up in a list and is bounded in time and memory, so that text from anywhere can be evaluated
on the trusted side. What is not in the list raises UnknownError; nothing is then claimed about the cell.
"""

from __future__ import annotations

import ast
import itertools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch.nn import functional

from .operations import UnknownError, check, check_broadcast, check_index, check_product

Tensor = torch.Tensor

ITERATIONS = 5_000  # rounds of all loops together; a double loop over a minibatch has some hundred
ARGUMENTS = 100_000  # elements of a list

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
}
IN_PLACE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.iadd,
    ast.Sub: operator.isub,
    ast.Mult: operator.imul,
    ast.Div: operator.itruediv,
    ast.Pow: operator.ipow,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
}
COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
PYTHON: dict[str, Callable[..., Any]] = {
    "len": len,
    "float": float,
    "int": int,
    "abs": abs,
    "list": lambda items: list(itertools.islice(items, ARGUMENTS)),
    "tuple": lambda items: tuple(itertools.islice(items, ARGUMENTS)),
    "slice": slice,
    "min": min,
    "max": max,
    "reversed": reversed,
    "print": lambda *_, **__: None,
}
ATTRIBUTES = frozenset(["T", "mT", "H", "shape", "ndim", "dtype", "device", "values", "indices", "data"])
NUMBERS = frozenset(["pi", "inf", "float32", "float64", "int64", "long", "double", "float", "bool"])
MATH = frozenset(["sqrt", "exp", "log", "pi", "tanh", "erf", "cos", "sin", "e"])


class Original(ast.expr):
    """Stands within the replacement of a node for the node itself, unchanged."""

    def __init__(self, node: ast.expr) -> None:
        super().__init__()
        self.node = node


Changes = Mapping[ast.AST, Any]


class Evaluation:
    """One evaluation of a cell. names: the variables before it; tensors in it are never changed.

    changes: nodes of the cell that are replaced: an expression by another, a statement by a list of statements. known:
    values of expressions that need not be computed again.
    """

    def __init__(
        self, names: Mapping[str, Any], changes: Changes | None = None, known: Mapping[ast.AST, Any] | None = None
    ) -> None:
        self.given = names
        self.names: dict[str, Any] = {}
        self.changes = changes or {}
        self.known = known or {}
        self.rounds = 0

    def run(self, body: list[ast.stmt]) -> None:
        """Execute statements. Raises UnknownError, or what an operation raises."""
        for statement in body:
            changed = self.changes.get(statement)
            if changed is not None:
                for other in changed:
                    self._run_one(other.node if isinstance(other, Original) else other)
            else:
                self._run_one(statement)

    def get(self, name: str) -> Any:
        """Return the value of a name; a tensor that was given is copied first, for the cell may change it in place."""
        if name not in self.names:
            if name not in self.given:
                raise UnknownError(name)
            value = self.given[name]
            if not isinstance(value, Tensor | int | float | tuple | list | torch.Size):
                raise UnknownError(name)
            self.names[name] = value.clone() if isinstance(value, Tensor) else value
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
                self.names[name] = self._in_place(self.get(name), op, self.value(value))
            case ast.AugAssign(ast.Subscript(base, index), op, value):
                whole, at = self.value(base), self._index(index)
                if not isinstance(whole, Tensor | list):
                    raise UnknownError("index")
                whole[at] = self._in_place(self._at(whole, at), op, self.value(value))
            case ast.Expr(value):
                if not isinstance(value, ast.Constant):
                    self.value(value)
            case ast.For(target, each, body, []):
                for item in self._rounds(self.value(each)):
                    self._assign(target, item)
                    self.run(body)
            case ast.With([ast.withitem(call, None)], body) if ast.unparse(call) in ("torch.no_grad()",):
                self.run(body)
            case ast.Pass() | ast.Import() | ast.ImportFrom() | ast.Delete():
                pass
            case _:
                raise UnknownError(type(statement).__name__)

    def _assign(self, target: ast.expr, value: Any) -> None:
        target = self.changes.get(target, target)
        match target:
            case ast.Name(name):
                self.names[name] = value
            case ast.Tuple(targets) | ast.List(targets):
                for one, item in zip(targets, value, strict=True):
                    self._assign(one, item)
            case ast.Subscript(base, index):
                whole = self.value(base)
                if not isinstance(whole, Tensor | list):
                    raise UnknownError("index")
                whole[self._index(index)] = value
            case _:
                raise UnknownError(type(target).__name__)

    def _in_place(self, before: Any, op: ast.operator, value: Any) -> Any:
        if type(op) not in IN_PLACE:
            raise UnknownError(type(op).__name__)
        if not (_is_plain(before) and _is_plain(value)):
            raise UnknownError("in place")
        check_broadcast(before, value)
        return IN_PLACE[type(op)](before, value)

    def value(self, node: Any) -> Any:
        """Return the value of an expression."""
        if isinstance(node, Original):
            return self._value(node.node)
        if node in self.known:
            return self.known[node]
        changed = self.changes.get(node)
        return self._value(node) if changed is None else self.value(changed)

    def _value(self, node: Any) -> Any:
        match node:
            case ast.Name(name):
                return self.get(name)
            case ast.Constant(value):
                return value
            case ast.BinOp(left, op, right):
                return self._binary(self.value(left), op, self.value(right))
            case ast.UnaryOp(op, operand):
                return UNARY[type(op)](self.value(operand))
            case ast.Compare(left, [op], [right]) if type(op) in COMPARE:
                one, other = self.value(left), self.value(right)
                check_broadcast(one, other)
                return COMPARE[type(op)](one, other)
            case ast.Call():
                return self._call(node)
            case ast.Attribute(base, name):
                return self._attribute(base, name)
            case ast.Subscript(base, index):
                return self._at(self.value(base), self._index(index))
            case ast.Tuple(items):
                return tuple(self.value(item) for item in items)
            case ast.List(items):
                return [self.value(item) for item in items]
            case ast.ListComp(item, [ast.comprehension(target, each, [])]) | ast.GeneratorExp(
                item, [ast.comprehension(target, each, [])]
            ):
                found = []
                for one in self._rounds(self.value(each)):
                    self._assign(target, one)
                    found.append(self.value(item))
                return found
            case Original():
                return self._value(node.node)
            case _:
                raise UnknownError(type(node).__name__)

    def _rounds(self, items: Any) -> Iterator[Any]:
        for item in items:
            self.rounds += 1
            if self.rounds > ITERATIONS:
                raise UnknownError("too many rounds")
            yield item

    def _binary(self, one: Any, op: ast.operator, other: Any) -> Any:
        if type(op) not in BINARY:
            raise UnknownError(type(op).__name__)
        if not (_is_plain(one) and _is_plain(other)):
            if isinstance(op, ast.Add) and isinstance(one, tuple) and isinstance(other, tuple):
                return one + other  # of shapes
            raise UnknownError("operands")
        if not isinstance(one, Tensor) and not isinstance(other, Tensor):
            if isinstance(op, ast.Pow) and (abs(other) > 64 or abs(one) > 1e6):
                raise UnknownError("a large power")
            if max(abs(one), abs(other)) > 1e18:
                raise UnknownError("a large number")
        if isinstance(op, ast.MatMult):
            check_product(one, other)
        else:
            check_broadcast(one, other)
        return BINARY[type(op)](one, other)

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

    def _attribute(self, base: ast.expr, name: str) -> Any:
        module = _dotted(base)
        if module == "torch" and name in NUMBERS:
            return getattr(torch, name)
        if module == "math" and name in MATH:
            return getattr(math, name)
        owner = self.value(base)
        if name not in ATTRIBUTES or isinstance(owner, type):
            raise UnknownError(name)
        if not isinstance(owner, Tensor) and name not in ("values", "indices"):
            raise UnknownError(name)
        if name == "T" and owner.dim() != 2:  # of which PyTorch warns
            return owner.permute(*reversed(range(owner.dim())))
        return getattr(owner, name)

    def _call(self, node: ast.Call) -> Any:
        function, words = node.func, {}
        args: list[Any] = []
        for argument in node.args:
            args += self.value(argument.value) if isinstance(argument, ast.Starred) else [self.value(argument)]
        for keyword in node.keywords:
            if keyword.arg is None:
                raise UnknownError("**")
            words[keyword.arg] = self.value(keyword.value)
        match function:
            case ast.Name(name):
                return self._python(name, args, words)
            case ast.Attribute(base, name):
                module = _dotted(base)
                if module == "math" and name in MATH:
                    return getattr(math, name)(*args)
                if module == "torch" and name == "Size":
                    return torch.Size(*args)
                if module in ("torch", "F", "torch.nn.functional", "torch.special", "nn.functional"):
                    where = torch if module == "torch" else torch.special if module == "torch.special" else functional
                    return self._operation(getattr(where, name, None), name, args, words)
                owner = self.value(base)
                if not isinstance(owner, Tensor):
                    raise UnknownError(name)
                if name.startswith("index_put") and args and isinstance(args[0], tuple | list):
                    args[0] = tuple(torch.tensor(i) if isinstance(i, list | range) else i for i in args[0])
                if name == "tolist" and owner.numel() <= ITERATIONS:
                    return owner.tolist()
                return self._operation(getattr(torch.Tensor, name, None), name, [owner, *args], words)
        raise UnknownError("a call")

    def _python(self, name: str, args: list[Any], words: dict[str, Any]) -> Any:
        if name in self.names or (name in self.given and callable(self.given[name])):
            raise UnknownError(name)
        if name == "range":
            found = range(*args)
            if len(found) > ITERATIONS:
                raise UnknownError("a long range")
            return found
        if name in ("zip", "enumerate"):
            return (zip if name == "zip" else enumerate)(*args)
        if name == "sum":
            total: Any = args[1] if len(args) > 1 else 0
            for item in self._rounds(args[0]):
                total = self._binary(total, ast.Add(), item)
            return total
        if name not in PYTHON or any(isinstance(arg, str) for arg in args):
            raise UnknownError(name)
        return PYTHON[name](*args, **words)

    def _operation(self, function: Any, name: str, args: list[Any], words: dict[str, Any]) -> Any:
        check(name, args, words)
        if function is None:
            raise UnknownError(name)
        return function(*args, **words)


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(name):
            return name if name in ("torch", "F", "math", "nn") else ""
        case ast.Attribute(base, name):
            return f"{_dotted(base)}.{name}" if _dotted(base) else ""
    return ""


def _is_plain(value: Any) -> bool:
    return isinstance(value, Tensor | int | float)
