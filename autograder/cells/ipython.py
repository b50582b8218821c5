"""Run notebook cells in IPython's own shell, so that magics and errors behave as in Jupyter."""

from __future__ import annotations

import ast
import contextlib
import functools
import io
import signal
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from types import CodeType, FrameType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList
from traitlets.config import Config

from autograder.cells.endless import endless_loop

NO_COMMANDS = "(commands are not run while a notebook is graded)"
MAX_TEXT = 20_000  # characters of one cell's printed output that are kept
MAX_MESSAGE = 500  # characters of an exception's message that are kept
LOOK_SECONDS = 1.0  # between looks at a cell: in a loop that nothing can end it has no more time
AGAIN = 1.0  # seconds after which the alarm rings again, for code that swallows the first with a bare `except:`
NOTHING = contextlib.nullcontext()


class CellTimeoutError(BaseException):
    """Raised in a cell that ran out of time. It is no Exception, so that `except Exception` does not catch it.

    loop: the first line of the loop that nothing can end, where it was stopped for that.
    """

    def __init__(self, loop: str | None = None) -> None:
        super().__init__()
        self.loop = loop


@dataclass(frozen=True)
class CellOutcome:
    """The outcome of one cell. text: what it printed. error: None, or one line such as "NameError: ... (line 2)".

    line: the line of the cell, counted from 1, that was under way then; None where it is not known.
    """

    text: str
    error: str | None
    timed_out: bool = False
    line: int | None = None


QUIET = CellOutcome("", None)
"""The outcome of a cell that printed nothing and raised nothing."""


class CellShell(InteractiveShell):
    """An InteractiveShell that prints no traceback: errors are part of the outcome."""

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        """Do nothing: the outcome has the error."""

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing: the outcome has the error, and formatting a traceback is slow."""

    def system(self, cmd: str) -> None:
        """Print that `!command` is not run: no process may be started while a notebook is graded."""
        print(NO_COMMANDS)

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """Print the same and return nothing for `files = !ls`."""
        print(NO_COMMANDS)
        return SList() if split else ""

    def enable_gui(self, gui: str | None = None) -> None:
        """Do nothing: `%matplotlib inline` asks for a window, and there is none."""


def new_shell(ipython_dir: str) -> CellShell:
    """Return a shell without history or start-up files that writes its own files into `ipython_dir`."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.autocall = 0
    shell: CellShell = CellShell.instance(config=config, ipython_dir=ipython_dir)
    shell.displayhook.write_output_prompt = lambda: None
    return shell


@dataclass(frozen=True)
class CompiledCell:
    """A compiled cell of plain Python. last: its last statement where that is an expression, which Jupyter displays."""

    body: CodeType
    last: CodeType | None


def compile_cell(shell: CellShell, source: str) -> CompiledCell | None:
    """Compile a cell of plain Python; return None for magics, `await` and invalid code, which IPython must handle."""
    try:
        # Drop leading empty lines, as IPython does.
        source = "\n".join(dropwhile(lambda line: not line.strip(), source.splitlines()))
        tree = ast.parse(source)
        # Register the source as IPython does, so that inspect finds it for the cell's functions.
        filename = shell.compile.cache(source, raw_code=source)
        body = tree.body
        last = None
        if body and isinstance(body[-1], ast.Expr):
            last = compile(ast.Expression(body.pop().value), filename, "eval")  # type: ignore[attr-defined]
        return CompiledCell(compile(tree, filename, "exec"), last)
    except Exception:  # SyntaxError, ValueError for a null byte, RecursionError; and MemoryError for deep nesting
        return None


def run_compiled(shell: CellShell, cell: CompiledCell, source: str, seconds: float, *, show: bool) -> CellOutcome:
    """Run a compiled cell in the shell's namespace, and interrupt it after `seconds` of wall time.

    show: capture what it prints and display its last value. Does the same as run_cell at a fraction of the cost; the
    time limit is set as `alarm` does.
    """
    out = BoundedText(MAX_TEXT) if show else None
    message, late, line = None, False, None
    try:
        _set_alarm(seconds)  # not `with alarm`, which costs more than a small cell
        try:
            with NOTHING if out is None else _captured(out):
                exec(cell.body, shell.user_ns)
                if cell.last is not None:
                    value = eval(cell.last, shell.user_ns)
                    if show:
                        shell.displayhook(value)
        except BaseException as error:  # a student's SystemExit is an error like any other
            # Under the alarm, because it asks the student's own exception for its message.
            message, late = describe(error, source, seconds), isinstance(error, CellTimeoutError)
            line = line_under_way(error, source)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except CellTimeoutError as error:  # the alarm fired outside the cell
        signal.setitimer(signal.ITIMER_REAL, 0)
        message, late = describe(error, source, seconds), True
    text = "" if out is None else out.getvalue()
    return QUIET if message is None and not text else CellOutcome(text, message, late, line)


@contextlib.contextmanager
def _captured(out: io.TextIOBase) -> Iterator[None]:
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield


def run_cell(shell: CellShell, source: str, seconds: float | None = None) -> CellOutcome:
    """Run one cell with its output captured; interrupt it after `seconds` of wall time, None for no limit."""
    out = BoundedText(MAX_TEXT)
    line = None
    try:
        with _captured(out), alarm(seconds):
            result = shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
            # Under the alarm, because it asks the student's own exception for its message.
            message = None if error is None else describe(error, source, seconds)
            line = None if error is None else line_under_way(error, source)
    except CellTimeoutError as late:  # the alarm fired outside the cell
        error, message = late, describe(late, source, seconds)
    return CellOutcome(out.getvalue(), message, isinstance(error, CellTimeoutError), line)


def describe(error: BaseException, source: str, seconds: float | None = None) -> str:
    """Return one line for the student: the exception, its message and the line of their cell that raised it.

    seconds: the time limit of the cell, named where it ran out.
    """
    if isinstance(error, CellTimeoutError) and error.loop is not None:
        return f"stopped after {LOOK_SECONDS:g} s; nothing ends this loop: {_one_line(str(error.loop))}"
    if isinstance(error, CellTimeoutError):
        return f"stopped after {seconds:g} s; look for a loop that does not end"
    lines = source.splitlines()
    numbers = _line_numbers(error, lines)
    number = numbers[-1] if numbers else None
    try:
        message = str(error)
        if number is None and isinstance(error, SyntaxError):  # of the cell itself, so that nothing of it has run
            message, number = str(error.msg), error.lineno
            number = number + _dropped(lines) if isinstance(number, int) else None
        message = _one_line(message)
    except BaseException:  # a student's own exception class may raise here
        message = "(its message cannot be shown)"
    where = ""
    if isinstance(number, int) and 1 <= number <= len(lines):
        where = f" (line {number}: {lines[number - 1].strip()[:80]})"
    kind = _one_line(type(error).__name__)
    if kind == "_IncompleteInputError":  # Python 3.13's own, private kind
        kind = "SyntaxError"
    return f"{kind}: {message}{where}"


def _one_line(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "…"


def line_under_way(error: BaseException, source: str) -> int | None:
    """Return the line of the cell, counted from 1, outside its functions, that an exception came through."""
    numbers = _line_numbers(error, source.splitlines())
    return numbers[0] if numbers else None


def _line_numbers(error: BaseException, lines: Sequence[str]) -> list[int]:
    """Return the lines that the traceback has in the cell itself, not in a function of an earlier cell."""
    numbers, cell, dropped = [], None, _dropped(lines)
    traceback = error.__traceback__
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        # ipykernel and IPython compile a cell under a made-up file name of one of these forms.
        if cell is None and (filename.startswith("<ipython-input-") or "ipykernel_" in filename):
            cell = filename
        if filename == cell:
            numbers.append(traceback.tb_lineno + dropped)
        traceback = traceback.tb_next
    return numbers


def _dropped(lines: Sequence[str]) -> int:
    """Return how many empty lines the cell starts with, which IPython drops before it counts."""
    return next((i for i, line in enumerate(lines) if line.strip()), 0)


class BoundedText(io.TextIOBase):
    """A text stream that keeps its first `limit` characters and drops the rest."""

    def __init__(self, limit: int) -> None:
        self._left = limit
        self._parts: list[str] = []
        self._cut = False

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Keep as much as fits, and return the length of the whole text."""
        if len(text) > self._left:
            self._cut = True
        if self._left and text:
            self._parts.append(text[: self._left])
            self._left -= len(self._parts[-1])
        return len(text)

    def getvalue(self) -> str:
        """Return the kept text, with a last line that says so where some was dropped."""
        return "".join(self._parts) + ("\n[more output was cut]\n" if self._cut else "")


def _ring(end: float, signum: int, frame: FrameType | None) -> None:
    """Stop a cell whose time is up, or that is in a loop that nothing can end; look again later at any other."""
    left = end - time.monotonic()
    if left <= 0:
        raise CellTimeoutError
    loop = endless_loop(frame)
    if loop is not None:
        raise CellTimeoutError(loop)
    signal.setitimer(signal.ITIMER_REAL, min(left, LOOK_SECONDS), AGAIN)


def _set_alarm(seconds: float) -> None:
    """Let CellTimeoutError be raised after so many seconds; earlier in a loop that nothing can end."""
    signal.signal(signal.SIGALRM, functools.partial(_ring, time.monotonic() + seconds))
    signal.setitimer(signal.ITIMER_REAL, min(seconds, LOOK_SECONDS), AGAIN)


@contextlib.contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raise CellTimeoutError in the block after `seconds` of wall time; None for no limit."""
    if seconds is None:
        yield
        return
    _set_alarm(seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
