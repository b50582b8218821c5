"""Try to escape from a submission's fork at start-up, so that isolation is tested, not assumed."""

from __future__ import annotations

import ctypes
import os
import socket
from collections.abc import Callable
from pathlib import Path

from autograder.sandbox.messages import Bait


def escapes(bait: Bait) -> list[str]:
    """Return the ways out that are open, each in a few words; under `bubblewrap` the list must be empty."""
    ways: dict[str, Callable[[], object]] = {
        "reach the network": lambda: _connect(socket.AF_INET, ("127.0.0.1", bait.port)),
        "reach a Unix socket": lambda: bait.abstract and _connect(socket.AF_UNIX, f"\0{bait.abstract}"),
        "read the course's files": lambda: bool(Path(bait.file).read_bytes()),
        "reach the course or the exchange": lambda: any(map(_there, bait.private)),
        "read the home folder": lambda: bait.home and Path(bait.home).lstat(),
        "signal the grader": lambda: _signal(bait.pid),
        "see other processes": _others,
        "read the memory of the process it comes from": lambda: _open(f"/proc/{os.getppid()}/mem"),
        "write outside of its own folder": lambda: any(_write(Path(folder)) for folder in bait.read_only),
        "start a process": _fork,
    }
    return [what for what, way in ways.items() if _works(way)]


def _works(way: Callable[[], object]) -> bool:
    try:
        return bool(way())
    except OSError:
        return False


def _connect(family: int, address: tuple[str, int] | str) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.settimeout(1.0)
        connection.connect(address)
        return True


def _there(path: str) -> bool:
    return os.path.lexists(path)


def _signal(pid: int) -> bool:
    os.kill(pid, 0)
    return True


def _open(path: str) -> bool:
    with Path(path).open("rb"):
        return True


def _fork() -> bool:
    # Call the C library, because Python's audit hook refuses os.fork; the question is whether the kernel does.
    child: int = ctypes.CDLL(None).fork()
    if child == 0:
        os._exit(0)
    return child > 0


def _others() -> bool:
    mine = str(os.getpid())
    return any(path.name.isdigit() and path.name != mine for path in Path("/proc").iterdir())


def _write(folder: Path) -> bool:
    try:
        target = folder / f".escaped-{os.getpid()}"
        target.write_bytes(b"")
        target.unlink()
    except OSError:
        return False
    return True
