"""One thing that an author should know of an exercise, as one line: where, what, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autograder.exercise.cells import nbgrader_info
from autograder.text import one_line


class Level(StrEnum):
    """How much a finding matters: an error keeps the exercise from being released."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """A finding. where: its cell or step, "" for the exercise as a whole. text: what there is and what to do."""

    level: Level
    where: str
    text: str

    @property
    def said(self) -> str:
        """Return where and what, as one line."""
        return one_line(f"{f'{self.where}: ' if self.where else ''}{self.text}")

    def line(self) -> str:
        """Return it as one line that begins with its level."""
        return f"{self.level.value:7s} {self.said}"


def error(where: str, text: str) -> Finding:
    """Return a finding that keeps the exercise from being released."""
    return Finding(Level.ERROR, where, text)


def warning(where: str, text: str) -> Finding:
    """Return a finding that may be meant."""
    return Finding(Level.WARNING, where, text)


def note(where: str, text: str) -> Finding:
    """Return a finding that is nobody's fault."""
    return Finding(Level.NOTE, where, text)


def cell_name(notebook: Any, index: int) -> str:
    """Return "cell 7 (dprobs)": cells are counted from 1, as JupyterLab's scroll position suggests."""
    grade_id = nbgrader_info(notebook.cells[index]).get("grade_id")
    return f"cell {index + 1} ({grade_id})" if grade_id else f"cell {index + 1}"


def has_errors(findings: Iterable[Finding]) -> bool:
    """Return whether any of the findings is an error."""
    return any(finding.level is Level.ERROR for finding in findings)
