"""Tell a student of an exception in one line: its kind, its message and the line of the cell that raised it."""

from __future__ import annotations

from collections.abc import Sequence

from autograder.cells.alarm import LOOK_SECONDS, CellTimeoutError

MAX_MESSAGE = 500  # characters of an exception's message that are kept


def describe(error: BaseException, source: str, seconds: float | None = None) -> str:
    """Return one line for the student: the exception, its message and the line of their cell that raised it.

    seconds: the time limit of the cell, named where it ran out. Raises CellTimeoutError where that comes while the
    exception is asked for its message.
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
    except CellTimeoutError:  # its message takes all the time that the cell has
        raise
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
