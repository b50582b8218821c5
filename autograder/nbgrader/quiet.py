"""One line for each submission in `nbgrader autograde`, in the place of nbgrader's seventy."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SAWarning

from autograder.marking.result import SubmissionResult
from autograder.text import one_line

OURS = str(Path(__file__).parent)
# What nbgrader's converter says of what our line says too.
REPEATED = (
    "Removing existing ",
    "Updating existing ",
    "Removing failed ",
    "There was an error processing",
    "Traceback ",
    "Late submission penalty",
)
MAX_SAID = 500  # characters of what is said of one notebook


class _OneLine(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if record.pathname.startswith(OURS):
            return True
        return record.levelno >= logging.WARNING and not record.getMessage().startswith(REPEATED)


@contextmanager
def quiet(log: Any) -> Iterator[None]:
    """Keep nbgrader's own information out of the terminal; with --debug, or in its log file, all of it stays."""
    logger = getattr(log, "logger", log)  # traitlets hands out an adapter
    terminals = [each for each in logger.handlers if not isinstance(each, logging.FileHandler)]
    handlers = [each for each in terminals if max(each.level, logger.getEffectiveLevel()) >= logging.INFO]
    one = _OneLine()
    for handler in handlers:
        handler.addFilter(one)
    try:
        with warnings.catch_warnings():
            if handlers:  # nbgrader makes rows in an order that its database library warns of, to no harm
                warnings.simplefilter("ignore", SAWarning)
            yield
    finally:
        for handler in handlers:
            handler.removeFilter(one)


def said_of(name: str, result: SubmissionResult | None) -> str:
    """Return what a line says of one notebook: its marks and what was noted. None: nbgrader has graded it."""
    if result is None:
        return f"{one_line(name)} graded by nbgrader"
    said = f"{one_line(name)} {result.score:g} / {result.max_score:g}"
    notes = [] if result.error is None else [f"{result.status}: {result.error}"]
    if notes := [*notes, *result.flags]:
        noted = one_line("; ".join(notes))
        said += f" ({noted if len(noted) <= MAX_SAID else f'{noted[:MAX_SAID]} ...'})"
    return said
