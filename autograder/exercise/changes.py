"""Say what differs between an exercise as it is now and as it was released."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.exercise.notebook import Exercise, has_tag, is_locked, nbgrader_info


@dataclass(frozen=True)
class ReleasedCell:
    """A cell as it was released. source: of a locked one. points: of one that is marked by its output."""

    source: str | None = None
    points: float | None = None


def changes(exercise: Exercise, released: Mapping[str, ReleasedCell], where: str) -> list[str]:
    """Return a phrase for each difference that may move a mark, none where there is none.

    released: by grade_id. where: begins what is said of the release, such as "in the gradebook it".
    """
    found = []
    checks = {step.check for step in exercise.steps}
    for step in exercise.steps:
        points = released.get(step.check, ReleasedCell()).points
        if points != step.points:
            there = "is not there" if points is None else f"has {points:g}"
            found.append(f"{step.check} is worth {step.points:g} points, {where} {there}")
    for grade_id, cell in released.items():
        if cell.points is not None and grade_id not in exercise.cells:
            found.append(f"{grade_id} is gone, {where} has {cell.points:g} points")
    for grade_id, now in exercise.cells.items():
        if now.cell_type != "code" or not is_locked(now) or grade_id in checks:
            continue
        name = "the forward cell" if has_tag(now, "forward") else f"the locked cell {grade_id}"
        before = released.get(grade_id)
        if before is None:
            found.append(f"{name} is new")
        elif before.source is not None and not same_text(before.source, now.source):
            found.append(f"{name} has another text")
    return found


def released_cells(cells: Mapping[str, Any]) -> dict[str, ReleasedCell]:
    """Return what counts of the cells of a released notebook; both by grade_id."""
    found = {}
    for grade_id, cell in cells.items():
        info = nbgrader_info(cell)
        graded = info.get("grade") and not info.get("solution") and not info.get("task")
        source = cell.source if is_locked(cell) else None
        found[grade_id] = ReleasedCell(source, float(info.get("points") or 0) if graded else None)
    return found


def since_released(exercise: Exercise, released: Path) -> list[str]:
    """Return what differs from the notebook that students were given, none where it cannot be read."""
    import nbformat

    try:
        notebook = nbformat.read(released, as_version=4)
    except Exception:  # not released yet, or not here
        return []
    named = [(nbgrader_info(cell).get("grade_id"), cell) for cell in notebook.cells]
    cells = {grade_id: cell for grade_id, cell in named if isinstance(grade_id, str)}
    return changes(exercise, released_cells(cells), f"in {released} it")


def same_text(one: str, other: str) -> bool:
    """Return whether two cells say the same but for white space at their ends and the kind of line ends."""
    return one == other or one.strip().splitlines() == other.strip().splitlines()
