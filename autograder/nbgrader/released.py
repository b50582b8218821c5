"""An exercise as it was released, from the gradebook's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from nbgrader.api import Comment, Grade, Notebook, SubmittedNotebook

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


def released_notebook(notebook: Notebook) -> Released:
    """Return what the gradebook knows of a notebook as it was released."""
    cells = [*notebook.grade_cells, *notebook.solution_cells, *notebook.task_cells]
    return Released(
        notebook,
        notebook.kernelspec,
        {cell.name: cell.checksum for cell in notebook.source_cells if cell.checksum},
        {cell.id: cell.name for cell in cells},
        _cells(notebook),
    )


def _cells(notebook: Notebook) -> dict[str, ReleasedCell]:
    sources = {cell.name: cell.source for cell in notebook.source_cells}
    points = {cell.name: cell.max_score for cell in notebook.grade_cells}
    return {name: ReleasedCell(sources.get(name), points.get(name)) for name in sources.keys() | points.keys()}


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
