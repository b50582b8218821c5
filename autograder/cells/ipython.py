"""Run notebook cells in IPython's own shell, so that magics and errors behave as in Jupyter."""

from __future__ import annotations

import ast
import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import dropwhile
from types import CodeType
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.text import SList
from traitlets.config import Config

from autograder.cells.alarm import CellTimeoutError, alarm, end_alarm, set_alarm
from autograder.cells.error_line import describe, line_under_way

NO_COMMANDS = "(commands are not run while a notebook is graded)"
MAX_TEXT = 20_000  # characters of one cell's printed output that are kept
NOTHING = contextlib.nullcontext()


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


def compile_cell(shell: CellShell, source: str, *, show: bool = True) -> CompiledCell | CellOutcome | None:
    """Compile a cell of plain Python; return None for magics, `await` and invalid code, which IPython must handle.

    Of code that nests too deeply the outcome is known: IPython would read it for half a second, each time.
    show: whether its last value will be displayed, for which its code is read first. To compile it as it is takes half.
    """
    try:
        # Drop leading empty lines, as IPython does.
        source = "\n".join(dropwhile(lambda line: not line.strip(), source.splitlines()))
        if not show:
            return CompiledCell(compile(source, shell.compile.cache(source, raw_code=source), "exec"), None)
        tree = ast.parse(source)
        # Register the source as IPython does, so that inspect finds it for the cell's functions.
        filename = shell.compile.cache(source, raw_code=source)
        body = tree.body
        last = None
        if body and isinstance(body[-1], ast.Expr):
            last = compile(ast.Expression(body.pop().value), filename, "eval")  # type: ignore[attr-defined]
        return CompiledCell(compile(tree, filename, "exec"), last)
    except (MemoryError, RecursionError) as error:
        return CellOutcome(
            "", f"{type(error).__name__}: this code nests too deeply for Python; write it in several lines"
        )
    except Exception:  # SyntaxError, ValueError for a null byte
        return None


def run_compiled(shell: CellShell, cell: CompiledCell, source: str, seconds: float, *, show: bool) -> CellOutcome:
    """Run a compiled cell in the shell's namespace, and interrupt it after `seconds` of wall time.

    show: capture what it prints and display its last value. Does the same as run_cell at a fraction of the cost; the
    time limit is set as `alarm` does.
    """
    out = BoundedText(MAX_TEXT) if show else None
    message, late, line = None, False, None
    try:
        set_alarm(seconds)  # not `with alarm`, which costs more than a small cell
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
            end_alarm()
    except CellTimeoutError as error:  # the alarm fired outside the cell
        end_alarm()
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
