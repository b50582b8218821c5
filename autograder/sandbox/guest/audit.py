"""Refuse student code to start processes, and to look at frames and objects outside of its own names.

This is Python's own audit hook: a second line behind the kernel's filter (seccomp.py), and the first one against cells
that search their process for the guard or the hidden cases.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from autograder.sandbox.places import PACKAGE

# Attributes and functions that lead from a cell to the objects of its process, such as the guard and the hidden cases.
FRAMES = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame"})
WAYS_OUT = frozenset(
    {"sys._getframe", "sys._current_frames", "sys._current_exceptions", "sys.settrace", "sys.setprofile"}
    | {"gc.get_objects", "gc.get_referrers", "gc.get_referents"}
    | {"ctypes.dlopen", "ctypes.dlsym", "ctypes.cdata", "ctypes.call_function", "ctypes.string_at"}
)
# Functions of installed packages that hand frames on to their caller.
HANDING_ON = frozenset(
    {("inspect", name) for name in ("currentframe", "stack", "trace", "getouterframes", "getinnerframes")}
    | {("traceback", "walk_stack"), ("traceback", "walk_tb"), ("logging", "<lambda>")}
)
# Code in these paths may look at frames: Python's own, installed packages, this package.
INSTALLED = ("<frozen ", sys.prefix, sys.base_prefix, str(PACKAGE))
# Events of starting a process: a new one would have autograd without a guard.
PROCESSES = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}
)


def install() -> None:
    """From now on raise PermissionError where a cell starts a process or reaches for frames and objects."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if event in PROCESSES:
        raise PermissionError("no other process may be started while a notebook is graded")
    if event == "object.__getattr__":
        if arguments[1] not in FRAMES:
            return
    elif event not in WAYS_OUT:
        return
    if _asked_by_a_cell():
        raise PermissionError(f"{event} is not available while a notebook is graded")


def _asked_by_a_cell() -> bool:
    """Return whether a cell's own code raised the event, directly or through a function that hands frames on."""
    global _asking
    if _asking:
        return False
    _asking = True
    try:
        frame: FrameType | None = sys._getframe(2)
    finally:
        _asking = False
    while frame is not None and _hands_on(frame):
        frame = frame.f_back
    return frame is not None and not frame.f_code.co_filename.startswith(INSTALLED)


def _hands_on(frame: FrameType) -> bool:
    module = frame.f_globals.get("__name__")
    return module == "ctypes" or (module, frame.f_code.co_name) in HANDING_ON


_asking = False  # True while _asked_by_a_cell runs, which raises the same event
