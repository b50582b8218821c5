"""Compare what students would get with what the solution makes now: a release must be of what was checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat

from autograder.author.answers import stub_cells
from autograder.author.finding import Finding, error
from autograder.exercise.cells import is_locked, nbgrader_info
from autograder.exercise.notebook import ANSWERS, Exercise


def released_findings(exercise: Exercise, stubs: Mapping[str, str], folder: Path) -> Iterator[Finding]:
    """Yield where the generated assignment is not what this exercise makes. folder: of the release."""
    again = f"run: make generate ASSIGNMENT={exercise.path.parent.name}"
    path = folder / exercise.path.name
    try:
        found = {nbgrader_info(cell).get("grade_id"): cell for cell in nbformat.read(path, as_version=4).cells}
    except Exception:
        yield error("", f"{path} is not there or is no notebook, so there is nothing to release; {again}")
        return
    expected = stub_cells(exercise, stubs)
    expected |= {name: cell.source for name, cell in exercise.cells.items() if is_locked(cell)}
    for name, source in expected.items():
        mine: Any = found.get(name)
        if mine is None or mine.source.strip() != source.strip():
            yield error(name, f"{path} was generated before this cell was changed; {again}")
            return
    if (folder / ANSWERS).exists():
        yield error("", f"{folder / ANSWERS} would give students the answers; delete it, then {again}")
    for file in exercise.files_beside():
        copy = folder / file.relative_to(exercise.path.parent)
        if not copy.is_file() or copy.read_bytes() != file.read_bytes():
            yield error("", f"{copy} is not the file that lies beside the solution; {again}")
            return
