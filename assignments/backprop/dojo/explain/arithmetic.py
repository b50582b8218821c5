"""Arithmetic between the values of a student's cell, each operation refused before it makes anything large."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

from .operations import Tensor, UnknownError, check_broadcast, check_product
from .values import held, is_plain

NUMBER = 1e18  # a Python number beyond this would grow without end
POWER = 64

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


def binary(one: Any, op: ast.operator, other: Any) -> Any:
    """Return `one op other`. Raises UnknownError where that is not known or would be large."""
    if isinstance(op, ast.Add) and isinstance(one, tuple) and isinstance(other, tuple):
        return held(one + other)  # of shapes
    if type(op) not in BINARY or not (is_plain(one) and is_plain(other)):
        raise UnknownError(type(op).__name__)
    numbers = not isinstance(one, Tensor) and not isinstance(other, Tensor)
    if numbers and (max(abs(one), abs(other)) > NUMBER or (isinstance(op, ast.Pow) and abs(other) > POWER)):
        raise UnknownError("a large number")
    if isinstance(op, ast.MatMult):
        check_product(one, other)
    else:
        check_broadcast(one, other)
    return BINARY[type(op)](one, other)


def in_place(before: Any, op: ast.operator, value: Any) -> Any:
    """Return what `before op= value` leaves in `before`, and change its tensor. Raises UnknownError as binary does."""
    if not isinstance(before, Tensor):
        return binary(before, op, value)
    if type(op) not in IN_PLACE or not is_plain(value):
        raise UnknownError(type(op).__name__)
    check_broadcast(before, value)
    return IN_PLACE[type(op)](before, value)


def unary(op: ast.unaryop, value: Any) -> Any:
    """Return `op value`. Raises UnknownError where that is not known."""
    if not is_plain(value):
        raise UnknownError(type(op).__name__)
    return UNARY[type(op)](value)


def compared(one: Any, op: ast.cmpop, other: Any) -> Any:
    """Return `one op other`. Raises UnknownError where that is not known or would be large."""
    if type(op) not in COMPARE or not (is_plain(one) and is_plain(other)):
        raise UnknownError(type(op).__name__)
    check_broadcast(one, other)
    return COMPARE[type(op)](one, other)
