"""Read what a notebook's cell is: its nbgrader metadata and its tags."""

from __future__ import annotations

from typing import Any

CHECKS = ("cmp(", "cmp_value(")  # what a check cell begins with
Cell = Any  # nbformat's NotebookNode: a dict with attribute access


class ExerciseError(ValueError):
    """Raised where a notebook is no exercise; the message names the cell to change."""


def nbgrader_info(cell: Cell) -> dict[str, Any]:
    """Return a cell's nbgrader metadata, empty where there is none or it is not a mapping."""
    info = cell.get("metadata", {}).get("nbgrader", {})
    return info if isinstance(info, dict) else {}


def is_locked(cell: Cell) -> bool:
    """Return whether the cell is locked, so that nbgrader restores its source before grading."""
    info = nbgrader_info(cell)
    return not info.get("solution") and bool(info.get("grade") or info.get("locked"))


# Tag of the cell in which a notebook brings its files along (author/alone.py); never run from a submission.
ALONE = "files"


def has_tag(cell: Cell, tag: str) -> bool:
    """Return whether the cell has this notebook tag."""
    tags = cell.get("metadata", {}).get("tags", [])
    return isinstance(tags, list) and tag in tags
