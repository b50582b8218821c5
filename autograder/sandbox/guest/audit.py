"""Refuse what student code has no use for: other processes, and a look at the frames of the process it runs in."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from autograder.sandbox.places import PACKAGE

# What leads from a cell to the objects of the process it runs in, the guard and the hidden cases among them.
FRAMES = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame"})
WAYS_OUT = frozenset(
    {"sys._getframe", "sys._current_frames", "sys._current_exceptions", "sys.settrace", "sys.setprofile"}
    | {"gc.get_objects", "gc.get_referrers", "gc.get_referents"}
    | {"ctypes.dlopen", "ctypes.dlsym", "ctypes.cdata", "ctypes.call_function", "ctypes.string_at"}
)
HANDING_ON = frozenset(
    {("inspect", name) for name in ("currentframe", "stack", "trace", "getouterframes", "getinnerframes")}
    | {("traceback", "walk_stack"), ("traceback", "walk_tb"), ("logging", "<lambda>")}
)
# Whose code may look at frames: Python's own, installed packages, this one.
INSTALLED = ("<frozen ", sys.prefix, sys.base_prefix, str(PACKAGE))
# A new process would have an autograd without a guard.
PROCESSES = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn"}
)


def install() -> None:
    """From now on, refuse to start another process or to hand a cell the frames and objects outside of its names."""
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
    """Whether a cell's own code asks, by itself or through the functions that hand out frames."""
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


_asking = False  # looking for who asks raises the same event
