"""Folders and degrees of isolation that host and guest must agree on."""

from __future__ import annotations

import sys
from pathlib import Path

BUBBLEWRAP, PROCESS = "bubblewrap", "process"  # the degrees of isolation
EXERCISE = "/exercise"  # the folder with the exercise's files inside bubblewrap
# The folders of the C library and of what it loads, in any distribution; they hold no programs.
LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")
PACKAGE = Path(__file__).resolve().parent.parent  # the folder of this package, which the guest must see to run


def installed() -> list[str]:
    """Return the paths of Python, its packages and this package, without any path that lies inside another."""
    wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    wanted |= {Path(sys.executable).absolute().parent.parent, PACKAGE}
    system = [Path(path) for path in LIBRARIES]
    found: list[Path] = []
    for path in sorted(wanted):
        if path == Path("/usr"):  # the system's own Python: LIBRARIES has its libraries, so add only its program
            path = Path(sys.executable).resolve()
        if not any(path.is_relative_to(other) for other in (*found, *system)):
            found.append(path)
    return [str(path) for path in found]
