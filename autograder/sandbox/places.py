"""Folders and degrees of isolation that host and guest must agree on."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterable
from pathlib import Path

BUBBLEWRAP, PROCESS = "bubblewrap", "process"  # the degrees of isolation
EXERCISE = "/exercise"  # the folder with the exercise's files inside bubblewrap
# The folders of the C library and of what it loads, in any distribution; they hold no programs.
LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")
PACKAGE = Path(__file__).resolve().parent.parent  # the folder of this package, which the guest must see to run


def installed() -> list[str]:
    """Return what holds Python, its packages and this one, without anything that lies inside another.

    Never a whole prefix, which may hold the course too: the folders of libraries, the program and a venv's settings.
    """
    wanted = {Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")} | {PACKAGE}
    program = Path(sys.executable)
    for prefix in (Path(sys.prefix), Path(sys.base_prefix), program.parent.parent, program.resolve().parent.parent):
        wanted |= {path for path in (prefix / "lib", prefix / "lib64", prefix / "pyvenv.cfg") if path.exists()}
    wanted |= {program, program.resolve()}
    system = [Path(path) for path in LIBRARIES]
    found: list[Path] = []
    for path in sorted(wanted):
        if not any(path.is_relative_to(other) for other in (*found, *system)):
            found.append(path)
    return [str(path) for path in found]


def exposed(private: Iterable[Path]) -> list[tuple[Path, Path]]:
    """Return which of these files and folders student code could read under `bubblewrap`, each with where it lies."""
    seen = [Path(path).resolve() for path in (*installed(), *LIBRARIES) if Path(path).exists()]
    found = []
    for path in private:
        found += [(path, place) for place in seen if path.exists() and path.resolve().is_relative_to(place)][:1]
    return found
