"""Run notebook cells in IPython's own shell, so that magics and errors behave as in Jupyter."""

from __future__ import annotations

import ast
import contextlib
import io
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile
from types import CodeType, TracebackType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList
from traitlets.config import Config

NO_COMMANDS = "(commands are not run while a notebook is graded)"
MAX_TEXT = 20_000  # characters of one cell's printed output that are kept
MAX_MESSAGE = 500  # characters of an exception's message that are kept
AGAIN = 1.0  # seconds after which the alarm rings again, for code that swallows the first with a bare `except:`
NOTHING = contextlib.nullcontext()


class CellTimeoutError(BaseException):
    """Raised in a cell that ran out of time. It is no Exception, so that `except Exception` does not catch it."""


@dataclass(frozen=True)
class CellOutcome:
    """The outcome of one cell. text: what it printed. error: None, or one line such as "NameError: ... (line 2)"."""

    text: str
    error: str | None
    timed_out: bool = False


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
    caller has called catch_alarm before.
    """
    out = BoundedText(MAX_TEXT) if show else None
    message, late = None, False
    try:
        # Not `with alarm`, which costs more than a small cell.
        signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
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
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    except CellTimeoutError as error:  # the alarm fired outside the cell
        signal.setitimer(signal.ITIMER_REAL, 0)
        message, late = describe(error, source, seconds), True
    text = "" if out is None else out.getvalue()
    return QUIET if message is None and not text else CellOutcome(text, message, late)


@contextlib.contextmanager
def _captured(out: io.TextIOBase) -> Iterator[None]:
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield


def run_cell(shell: CellShell, source: str, seconds: float | None = None) -> CellOutcome:
    """Run one cell with its output captured; interrupt it after `seconds` of wall time, None for no limit."""
    out = BoundedText(MAX_TEXT)
    try:
        with _captured(out), alarm(seconds):
            result = shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
            # Under the alarm, because it asks the student's own exception for its message.
            message = None if error is None else describe(error, source, seconds)
    except CellTimeoutError as late:  # the alarm fired outside the cell
        error, message = late, describe(late, source, seconds)
    return CellOutcome(text=out.getvalue(), error=message, timed_out=isinstance(error, CellTimeoutError))


def describe(error: BaseException, source: str, seconds: float | None = None) -> str:
    """Return one line for the student: the exception, its message and the line of their cell that raised it.

    seconds: the time limit of the cell, named where it ran out.
    """
    if isinstance(error, CellTimeoutError):
        return f"stopped after {seconds:g} s; look for a loop that does not end"
    number = _line_number(error.__traceback__)
    try:
        message = str(error)
        if number is None and isinstance(error, SyntaxError):  # of the cell itself, so that nothing of it has run
            message, number = str(error.msg), error.lineno
        message = _one_line(message)
    except BaseException:  # a student's own exception class may raise here
        message = "(its message cannot be shown)"
    lines = source.splitlines()
    if isinstance(number, int):  # IPython drops empty lines before the first that is not
        number += next((i for i, line in enumerate(lines) if line.strip()), 0)
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


def _line_number(traceback: TracebackType | None) -> int | None:
    """Return the deepest line of the traceback in the cell itself, not in a function of an earlier cell."""
    number, cell = None, None
    while traceback is not None:
        filename = traceback.tb_frame.f_code.co_filename
        # ipykernel and IPython compile a cell under a made-up file name of one of these forms.
        if cell is None and (filename.startswith("<ipython-input-") or "ipykernel_" in filename):
            cell = filename
        if filename == cell:
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


def _ring(signum: int, frame: object) -> None:
    raise CellTimeoutError


def catch_alarm() -> None:
    """Make SIGALRM raise CellTimeoutError from now on."""
    signal.signal(signal.SIGALRM, _ring)


@contextlib.contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raise CellTimeoutError in the block after `seconds` of wall time; None for no limit."""
    if seconds is None:
        yield
        return
    catch_alarm()
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
