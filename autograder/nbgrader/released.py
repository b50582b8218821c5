"""An exercise as it was released, from the gradebook's rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbgrader.api import GradeCell, Notebook, SolutionCell, SourceCell, TaskCell

from autograder.exercise.changes import ReleasedCell


@dataclass(frozen=True)
class Released:
    """An exercise as it was released.

    names: of graded and answered cells by their row's id. graded, commented: the ids of those that have a grade, or a
    comment, in each submission. cells: text of locked cells, and points, by grade_id.
    """

    notebook: Notebook
    kernelspec: str | None
    checksums: Mapping[str, str]
    names: Mapping[str, str]
    graded: tuple[str, ...]
    commented: tuple[str, ...]
    cells: Mapping[str, ReleasedCell]


def released_notebook(notebook: Notebook, session: Any) -> Released:
    """Return what the gradebook knows of a notebook as it was released; it reads columns, as whole rows take long."""

    def rows(table: Any, *columns: Any) -> list[Any]:
        return list(session.query(table.name, *columns).filter(table.notebook_id == notebook.id))

    sources = rows(SourceCell, SourceCell.source, SourceCell.checksum)
    grades = rows(GradeCell, GradeCell.id, GradeCell.max_score)
    solutions, tasks = rows(SolutionCell, SolutionCell.id), rows(TaskCell, TaskCell.id)
    texts, points = {name: source for name, source, _ in sources}, {name: most for name, _, most in grades}
    return Released(
        notebook,
        notebook.kernelspec,
        {name: checksum for name, _, checksum in sources if checksum},
        {key: name for name, key, *_ in (*grades, *solutions, *tasks)},
        tuple(row.id for row in (*grades, *tasks)),
        tuple(row.id for row in (*solutions, *tasks)),
        {name: ReleasedCell(texts.get(name), points.get(name)) for name in texts.keys() | points.keys()},
    )
