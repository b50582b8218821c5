"""What the code of an update says, without running it: where it leaves the tensors that it is given as they are."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import torch

from .evaluate import Evaluation
from .statements import LONGEST, works_in_place

Function = ast.FunctionDef | ast.Lambda
# Methods and functions that make another tensor or array of one.
COPIES = frozenset({"clone", "deepcopy", "copy", "array", "asarray", "tensor", "tolist", "numpy", "detach_copy"})
LONG = 40  # letters of a line of code that a sentence repeats


def function_of(sources: Sequence[str], name: str) -> Function | None:
    """Return the function of this name that the code defines last; None where there is none, or it is no Python."""
    for source in reversed(sources):
        if name not in source or len(source) > LONGEST:
            continue
        try:
            body = ast.parse(source).body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        for node in reversed(body):
            match node:
                case ast.FunctionDef(name=found) if found == name:
                    return node
                case ast.Assign([ast.Name(found)], ast.Lambda() as value) if found == name:
                    return value
    return None


def rebound(function: Function) -> tuple[str, str] | None:
    """Return (line, name) of the first line that gives a name of the tensors, or of their list, to something new.

    None where there is no such line.
    """
    given = {arg.arg for arg in function.args.args}
    inner = {arg.arg for arg in function.args.args[:1]}
    for node in ast.walk(function):
        match node:
            case ast.For(target, each) if _reads(each, given):
                inner |= _stored(target)
            case ast.Assign([ast.Tuple() | ast.List() as target], ast.Name() as each) if _reads(each, given):
                inner |= _stored(target)
            case ast.Assign([ast.Name(name)], ast.Subscript(ast.Name() as each)) if _reads(each, given):
                inner.add(name)
    for node in ast.walk(function):
        match node:
            case ast.Assign([ast.Name(name)], value) if name in inner and not isinstance(
                value, ast.Name | ast.Subscript
            ):
                return _short(node), name
    return None


def copied(function: Function) -> str | None:
    """Return the first call that makes a copy, as it is written."""
    for node in ast.walk(function):
        match node:
            case ast.Call(ast.Attribute(attr=name) | ast.Name(name)) if name in COPIES:
                return _short(node)
    return None


def outside(function: Function, names: Collection[str]) -> list[str]:
    """Return those of the notebook's tensors that the function changes by their names, or runs over in a loop."""
    declared = {name for node in ast.walk(function) if isinstance(node, ast.Global) for name in node.names}
    own = ({arg.arg for arg in function.args.args} | _stored(function)) - declared
    changed: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.AugAssign(target=part) | ast.For(iter=part):
                changed |= {each.id for each in ast.walk(part) if isinstance(each, ast.Name)}
            case ast.Call(ast.Attribute(ast.Name(name))) if works_in_place(node):
                changed.add(name)
    return [name for name in names if name in changed and name not in own]


def ends_early(function: Function) -> str | None:
    """Return "return" or "break" where one of them stands in a loop and nothing guards it; else None."""
    for node in ast.walk(function):
        for statement in node.body if isinstance(node, ast.For) else ():
            if isinstance(statement, ast.Return | ast.Break):
                return type(statement).__name__.lower()
    return None


def works_on(function: Function) -> bool:
    """Return whether some line changes a tensor in place."""
    return any(isinstance(node, ast.AugAssign) or works_in_place(node) for node in ast.walk(function))


def numbers_in(function: Function, values: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield (text, value) of every expression that is a number larger than 1 and not written as one, shortest first.

    values: the variables of the notebook.
    """
    own = {arg.arg for arg in function.args.args} | _stored(function)
    found: dict[str, float] = {}
    for node in ast.walk(function):
        if not isinstance(node, ast.Name | ast.Call | ast.Subscript | ast.BinOp | ast.Attribute):
            continue
        read = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if not read or read & own or len(text := ast.unparse(node)) > LONG:
            continue
        try:
            with torch.no_grad():
                value = Evaluation(values).value(node)
        except Exception:  # what a student's code does is not known
            continue
        if isinstance(value, int | float) and not isinstance(value, bool) and value > 1:
            found[text] = float(value)
    yield from sorted(found.items(), key=lambda item: len(item[0]))


def _reads(node: ast.AST, names: Collection[str]) -> bool:
    return any(isinstance(part, ast.Name) and part.id in names for part in ast.walk(node))


def _stored(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}


def _short(node: ast.AST) -> str:
    text = ast.unparse(node)
    return text if len(text) <= LONG else f"{text[: LONG - 3]}..."
