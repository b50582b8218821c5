"""Whether a student has written a function: a stub does nothing, and is still to do."""

from __future__ import annotations

import dis
from types import FunctionType

# What the code of a function without a statement consists of.
NOTHING = frozenset({"RESUME", "NOP", "CACHE", "LOAD_CONST", "LOAD_COMMON_CONSTANT", "RETURN_CONST", "RETURN_VALUE"})


def is_written(function: object) -> bool:
    """Return whether a function does anything: a stub, which only has its docstring, does not."""
    code = getattr(function, "__code__", None)
    if code is None:
        return function is not None
    return any(each.opname not in NOTHING for each in dis.get_instructions(code))


def stub_in(function: object) -> str | None:
    """Return the name of a function that this one uses and that is still a stub; None where there is none."""
    if not isinstance(function, FunctionType):
        return None
    used = ((name, function.__globals__.get(name)) for name in function.__code__.co_names)
    return next((name for name, each in used if isinstance(each, FunctionType) and not is_written(each)), None)
