"""Stop a cell whose time is up, or that is in a loop that nothing can end."""

from __future__ import annotations

import contextlib
import functools
import signal
import time
from collections.abc import Iterator
from types import FrameType

from autograder.cells.endless import endless_loop

LOOK_SECONDS = 0.5  # between looks at a cell: in a loop that nothing can end it has no more time
AGAIN = 1.0  # seconds after which the alarm rings again, for code that swallows the first with a bare `except:`


class CellTimeoutError(BaseException):
    """Raised in a cell that ran out of time. It is no Exception, so that `except Exception` does not catch it.

    loop: the first line of the loop that nothing can end, where it was stopped for that.
    """

    def __init__(self, loop: str | None = None) -> None:
        super().__init__()
        self.loop = loop


def _ring(end: float, signum: int, frame: FrameType | None) -> None:
    """Stop a cell whose time is up, or that is in a loop that nothing can end; look again later at any other."""
    left = end - time.monotonic()
    if left <= 0:
        raise CellTimeoutError
    loop = endless_loop(frame)
    if loop is not None:
        raise CellTimeoutError(loop)
    signal.setitimer(signal.ITIMER_REAL, min(left, LOOK_SECONDS), AGAIN)


def set_alarm(seconds: float) -> None:
    """Let CellTimeoutError be raised after so many seconds; earlier in a loop that nothing can end."""
    signal.signal(signal.SIGALRM, functools.partial(_ring, time.monotonic() + seconds))
    signal.setitimer(signal.ITIMER_REAL, min(seconds, LOOK_SECONDS), AGAIN)


def end_alarm() -> None:
    """Let no alarm ring any more."""
    signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raise CellTimeoutError in the block after `seconds` of wall time; None for no limit."""
    if seconds is None:
        yield
        return
    set_alarm(seconds)
    try:
        yield
    finally:
        end_alarm()
