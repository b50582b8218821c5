"""Folders and degrees of isolation that both sides of the sandbox must agree on."""

from __future__ import annotations

import sys
from pathlib import Path

BUBBLEWRAP, PROCESS = "bubblewrap", "process"  # the degrees of isolation
EXERCISE = "/exercise"  # where the exercise's files are inside bubblewrap
# The C library and what it loads, wherever a distribution keeps them; no programs.
LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")
PACKAGE = Path(__file__).resolve().parent.parent  # this package, which the guest must see to run


def installed() -> list[str]:
    """Return the folders that hold Python, its packages and this one, without any that lies inside another."""
    wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    wanted |= {Path(sys.executable).absolute().parent.parent, PACKAGE}
    system = [Path(path) for path in LIBRARIES]
    found: list[Path] = []
    for path in sorted(wanted):
        if path == Path("/usr"):  # the system's own Python: its program, its libraries are there already
            path = Path(sys.executable).resolve()
        if not any(path.is_relative_to(other) for other in (*found, *system)):
            found.append(path)
    return [str(path) for path in found]
