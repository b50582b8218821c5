"""An exercise as it was released, from the gradebook's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nbgrader.api import Comment, Grade, GradeCell, Notebook, SolutionCell, SourceCell, SubmittedNotebook, TaskCell

from autograder.exercise.changes import ReleasedCell


@dataclass(frozen=True)
class Released:
    """An exercise as it was released.

    names: of graded and answered cells by their row's id. cells: text of locked cells, and points, by grade_id.
    """

    notebook: Notebook
    kernelspec: str | None
    checksums: Mapping[str, str]
    names: Mapping[str, str]
    cells: Mapping[str, ReleasedCell]


def released_notebook(notebook: Notebook, session: Any) -> Released:
    """Return what the gradebook knows of a notebook as it was released; it reads columns, as whole rows take long."""

    def rows(table: Any, *columns: Any) -> list[Any]:
        return list(session.query(table.name, *columns).filter(table.notebook_id == notebook.id))

    sources = rows(SourceCell, SourceCell.source, SourceCell.checksum)
    grades = rows(GradeCell, GradeCell.id, GradeCell.max_score)
    others = [row for table in (SolutionCell, TaskCell) for row in rows(table, table.id)]
    texts, points = {name: source for name, source, _ in sources}, {name: most for name, _, most in grades}
    return Released(
        notebook,
        notebook.kernelspec,
        {name: checksum for name, _, checksum in sources if checksum},
        {key: name for name, key, *_ in (*grades, *others)},
        {name: ReleasedCell(texts.get(name), points.get(name)) for name in texts.keys() | points.keys()},
    )


def lacking_rows(submitted: SubmittedNotebook, released: Notebook) -> Iterator[Grade | Comment]:
    """Make the rows of grades and comments that a submitted notebook does not have."""
    graded = {grade.cell_id for grade in submitted.grades}
    for cell in (*released.grade_cells, *released.task_cells):
        if cell.id not in graded:
            yield Grade(cell_id=cell.id, notebook=submitted)
    commented = {comment.cell_id for comment in submitted.comments}
    for cell in (*released.solution_cells, *released.task_cells):
        if cell.id not in commented:
            yield Comment(cell_id=cell.id, notebook=submitted)
