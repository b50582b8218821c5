"""Run notebook cells in IPython's own shell, so that magics and errors behave as in Jupyter."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

MAX_TEXT = 20_000  # characters of printed output that are kept of one cell
MAX_MESSAGE = 500  # characters of an exception's message


class CellTimeoutError(BaseException):
    """A cell ran out of its time. Not an Exception, so that a student's `except Exception` lets it through."""


@dataclass(frozen=True)
class CellOutcome:
    """What running one cell did. error: None, or one line such as "NameError: ... (line 2)"."""

    text: str
    error: str | None
    timed_out: bool = False


class CellShell(InteractiveShell):
    """An InteractiveShell that keeps errors to itself instead of printing tracebacks."""

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        """Errors are reported in the outcome."""

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        """Errors are reported in the outcome, so the costly formatting is skipped."""

    def enable_gui(self, gui: Any = None) -> None:
        """No window system is here; `%matplotlib inline` asks for one all the same."""

    def showsyntaxerror(self, *args: Any, **kwargs: Any) -> None:
        """Errors are reported in the outcome."""


def new_shell(ipython_dir: str) -> CellShell:
    """A shell without history or start-up files, whose own files go into `ipython_dir`."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.autocall = 0
    shell: CellShell = CellShell.instance(config=config, ipython_dir=ipython_dir)
    shell.displayhook.write_output_prompt = lambda: None
    return shell


def run_cell(shell: CellShell, source: str, seconds: float | None = None) -> CellOutcome:
    """Run one cell with its output captured; with `seconds`, interrupt it after that much wall time."""
    out = BoundedText(MAX_TEXT)
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), alarm(seconds):
            result = shell.run_cell(source, store_history=False)
        error = result.error_before_exec or result.error_in_exec
    except CellTimeoutError as late:  # it fired between the cell's end and the alarm's
        error = late
    return CellOutcome(
        text=out.getvalue(),
        error=None if error is None else describe(error, source, seconds),
        timed_out=isinstance(error, CellTimeoutError),
    )


def describe(error: BaseException, source: str, seconds: float | None = None) -> str:
    """One line for a student: the exception, its message and the line of their cell that raised it."""
    if isinstance(error, CellTimeoutError):
        return f"stopped after {seconds:g} s; look for a loop that does not end"
    try:
        message = " ".join(str(error).split())
    except BaseException:  # a student's own exception class may raise here
        message = "(its message cannot be shown)"
    if len(message) > MAX_MESSAGE:
        message = message[:MAX_MESSAGE] + "…"
    if isinstance(error, SyntaxError):
        message = str(error.msg)
        number = error.lineno
    else:
        number = _line_number(error.__traceback__)
    lines = source.splitlines()
    where = ""
    if isinstance(number, int) and 1 <= number <= len(lines):
        where = f" (line {number}: {lines[number - 1].strip()[:80]})"
    return f"{type(error).__name__}: {message}{where}"


def _line_number(traceback: TracebackType | None) -> int | None:
    """The deepest line of the traceback that lies in a cell."""
    number = None
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        # ipykernel and IPython compile a cell under a made-up file name of one of these forms.
        if filename.startswith("<ipython-input-") or "ipykernel_" in filename:
            number = traceback.tb_lineno
        traceback = traceback.tb_next
    return number


class BoundedText(io.TextIOBase):
    """A text stream that keeps its first `limit` characters and drops the rest."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._parts: list[str] = []
        self._cut = False

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Keep what still fits."""
        if len(text) > self._left:
            self._cut = True
        if self._left and text:
            self._parts.append(text[: self._left])
            self._left -= len(self._parts[-1])
        return len(text)

    def getvalue(self) -> str:
        """What was kept, with a last line that says so where some was dropped."""
        return "".join(self._parts) + ("\n[more output was cut]\n" if self._cut else "")


@contextlib.contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raise CellTimeoutError in the block after `seconds` of wall time."""
    if seconds is None:
        yield
        return

    def ring(signum: int, frame: object) -> None:
        raise CellTimeoutError

    previous = signal.signal(signal.SIGALRM, ring)
    # It rings again every second, for code that swallows the first with a bare `except:`.
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        sys.stdout.flush()
