"""End what takes too long."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator

AGAIN = 0.1  # seconds until what still runs is stopped once more


class LateError(BaseException):
    """Raised where the time is up. Not an Exception, so that no `except Exception` of a student's stops it."""


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Raise LateError in the block when its time is up, where the system has such alarms; a context manager."""
    alarms = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
    if not alarms:
        yield
        return

    def late(number: int, frame: object) -> None:
        raise LateError

    before = signal.signal(signal.SIGALRM, late)
    # Again and again, because what is raised in a callback of the garbage collector's is lost.
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
