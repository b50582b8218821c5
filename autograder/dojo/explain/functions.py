"""Functions that a student's cell defines: how a call gives their arguments values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from .operations import UnknownError

Function = ast.FunctionDef | ast.Lambda
DEEPEST = 5  # calls within calls; the functions of a backward pass call none or one


class ReturnedError(Exception):
    """Ends a function. value: what it returns."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def bound(
    function: Function, args: list[Any], words: Mapping[str, Any], value: Callable[[ast.expr], Any]
) -> dict[str, Any]:
    """Return the values of a function's arguments by name. value: evaluates a default.

    Raises UnknownError where the call does not fit, and for a function with a decorator or arguments of other kinds.
    """
    given = function.args
    others = [given.vararg, given.kwarg, *given.posonlyargs, *given.kwonlyargs]
    names = [argument.arg for argument in given.args]
    if any(others) or (isinstance(function, ast.FunctionDef) and function.decorator_list) or len(args) > len(names):
        raise UnknownError("a function")
    defaults = dict(zip(names[len(names) - len(given.defaults) :], given.defaults, strict=True))
    found = {**dict(zip(names, args, strict=False)), **words}
    found |= {name: value(defaults[name]) for name in names if name in defaults and name not in found}
    if found.keys() != set(names):
        raise UnknownError("arguments")
    return found
