"""Put functions in the place of an nbgrader class's methods, where it has no hook of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def replaced(application: type, functions: Mapping[str, Callable[..., Any]]) -> dict[str, Any]:
    """Replace the methods of these names, for all instances; return nbgrader's own, by name."""
    theirs = {name: getattr(application, name) for name in functions}
    for name, function in functions.items():
        setattr(application, name, function)
    return theirs
