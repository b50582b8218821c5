"""Tell a locked cell that a student has edited from one that was released in another form."""

from __future__ import annotations

import hashlib

from autograder.exercise.notebook import Cell, is_locked, nbgrader_info


def is_as_released(cell: Cell) -> bool:
    """Return whether a cell still has the text that it was released with, by the checksum in its own metadata.

    nbgrader writes that checksum when it generates an assignment. Whoever forges one is called a holder of an older
    release and nothing else: marks do not depend on it.
    """
    return bool(nbgrader_info(cell).get("checksum") == _checksum(cell))


def _checksum(cell: Cell) -> str:
    """Compute the checksum as nbgrader.utils.compute_checksum does, which would import all of nbgrader."""
    info = nbgrader_info(cell)
    parts = [cell.source, cell.cell_type, bool(info.get("grade")), bool(info.get("solution")), is_locked(cell)]
    parts.append(info.get("grade_id"))
    points = info.get("points")
    if info.get("grade") and isinstance(points, int | float):
        parts.append(float(points))
    return hashlib.md5("".join(map(str, parts)).encode(errors="replace"), usedforsecurity=False).hexdigest()
