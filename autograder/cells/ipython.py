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
MAX_TEXT = 20_000  # characters of printed output that are kept of one cell
MAX_MESSAGE = 500  # characters of an exception's message
AGAIN = 1.0  # seconds after which the alarm rings again, for code that swallows the first with a bare `except:`
NOTHING = contextlib.nullcontext()


class CellTimeoutError(BaseException):
    """A cell ran out of its time. Not an Exception, so that a student's `except Exception` lets it through."""


@dataclass(frozen=True)
class CellOutcome:
    """What running one cell did. error: None, or one line such as "NameError: ... (line 2)"."""

    text: str
    error: str | None
    timed_out: bool = False


QUIET = CellOutcome("", None)
"""What a cell does that prints nothing and raises nothing."""


class CellShell(InteractiveShell):
    """An InteractiveShell that keeps errors to itself instead of printing tracebacks."""

    def _showtraceback(self, etype: Any, evalue: Any, stb: Any) -> None:
        """Errors are reported in the outcome."""

    def showtraceback(self, *args: Any, **kwargs: Any) -> None:
        """Errors are reported in the outcome, so the costly formatting is skipped."""

    def system(self, cmd: str) -> None:
        """`!command` and its kind do nothing: no process is started while a notebook is graded."""
        print(NO_COMMANDS)

    def getoutput(self, cmd: str, split: bool = True, depth: int = 0) -> Any:
        """`files = !ls` finds nothing, for the same reason."""
        print(NO_COMMANDS)
        return SList() if split else ""

    def enable_gui(self, gui: str | None = None) -> None:
        """There is no window here; `%matplotlib inline` asks all the same."""


def new_shell(ipython_dir: str) -> CellShell:
    """A shell without history or start-up files, whose own files go into `ipython_dir`."""
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "nocolor"
    config.InteractiveShell.autocall = 0
    shell: CellShell = CellShell.instance(config=config, ipython_dir=ipython_dir)
    shell.displayhook.write_output_prompt = lambda: None
    return shell


@dataclass(frozen=True)
class CompiledCell:
    """A cell of plain Python: its statements and, where the last is an expression, that apart for display."""

    body: CodeType
    last: CodeType | None


def compile_cell(shell: CellShell, source: str) -> CompiledCell | None:
    """Compile a cell that is plain Python; None for one that only IPython can run: magics, `await`, or no Python."""
    try:
        # Without the empty lines before the first that is not, as IPython does it.
        source = "\n".join(dropwhile(lambda line: not line.strip(), source.splitlines()))
        tree = ast.parse(source)
        # Registered as IPython does it, so that a cell's functions know their source.
        filename = shell.compile.cache(source, raw_code=source)
        body = tree.body
        last = None
        if body and isinstance(body[-1], ast.Expr):
            last = compile(ast.Expression(body.pop().value), filename, "eval")  # type: ignore[attr-defined]
        return CompiledCell(compile(tree, filename, "exec"), last)
    except Exception:  # SyntaxError, ValueError for a null byte, RecursionError; and MemoryError for deep nesting
        return None


def run_compiled(shell: CellShell, cell: CompiledCell, source: str, seconds: float, *, show: bool) -> CellOutcome:
    """Run a compiled cell in the shell's namespace; show: capture what it prints and display its last value.

    The same as run_cell at a fraction of its cost, once catch_alarm has been called.
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
    except CellTimeoutError as error:  # it fired outside the cell
        signal.setitimer(signal.ITIMER_REAL, 0)
        message, late = describe(error, source, seconds), True
    text = "" if out is None else out.getvalue()
    return QUIET if message is None and not text else CellOutcome(text, message, late)


@contextlib.contextmanager
def _captured(out: io.TextIOBase) -> Iterator[None]:
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield


def run_cell(shell: CellShell, source: str, seconds: float | None = None) -> CellOutcome:
    """Run one cell with its output captured; with `seconds`, interrupt it after that much wall time."""
    out = BoundedText(MAX_TEXT)
    try:
        with _captured(out), alarm(seconds):
            result = shell.run_cell(source, store_history=False)
            error = result.error_before_exec or result.error_in_exec
            # Under the alarm, because it asks the student's own exception for its message.
            message = None if error is None else describe(error, source, seconds)
    except CellTimeoutError as late:  # it fired outside the cell
        error, message = late, describe(late, source, seconds)
    return CellOutcome(text=out.getvalue(), error=message, timed_out=isinstance(error, CellTimeoutError))


def describe(error: BaseException, source: str, seconds: float | None = None) -> str:
    """One line for a student: the exception, its message and the line of their cell that raised it."""
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
    """The deepest line of the traceback that lies in the cell; not in a function that an earlier cell defined."""
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


def _ring(signum: int, frame: object) -> None:
    raise CellTimeoutError


def catch_alarm() -> None:
    """From now on the alarm raises CellTimeoutError."""
    signal.signal(signal.SIGALRM, _ring)


@contextlib.contextmanager
def alarm(seconds: float | None) -> Iterator[None]:
    """Raise CellTimeoutError in the block after `seconds` of wall time."""
    if seconds is None:
        yield
        return
    catch_alarm()
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
