"""Release a mended exercise once more: steps may come and go although students have submitted."""

from __future__ import annotations

from typing import Any

from nbgrader.api import BaseCell, Comment, Grade, MissingEntry, Notebook
from nbgrader.preprocessors import SaveCells

from autograder.text import one_line


class SaveMendedCells(SaveCells):
    """Takes the place of nbgrader's SaveCells, which refuses any new or missing cell once somebody has submitted.

    Marks of a step that is gone go with it; where a person has marked it, it is refused.
    """

    def _create_notebook(self, nb: Any) -> None:
        try:
            notebook = self.gradebook.find_notebook(self.notebook_id, self.assignment_id)
        except MissingEntry:
            notebook = None
        if notebook is not None and notebook.submissions:
            self._remove_gone(notebook)
            self._add_new(notebook)
            self.gradebook.db.commit()
            self.gradebook.db.expire_all()
        super()._create_notebook(nb)

    def _remove_gone(self, notebook: Notebook) -> None:
        session = self.gradebook.db
        gone: list[BaseCell] = [
            *(cell for cell in notebook.grade_cells if cell.name not in self.new_grade_cells),
            *(cell for cell in notebook.solution_cells if cell.name not in self.new_solution_cells),
            *(cell for cell in notebook.task_cells if cell.name not in self.new_task_cells),
        ]
        grades = {cell: session.query(Grade).filter(Grade.cell_id == cell.id).all() for cell in gone}
        for cell in gone:
            by_hand = [grade for grade in grades[cell] if grade.manual_score is not None or grade.extra_credit]
            if by_hand:
                raise RuntimeError(
                    f"{one_line(cell.name)} is gone from {self.notebook_id}, but {len(by_hand)} students have marks "
                    "for it that were given by hand; put it back, or take those marks back in Formgrader"
                )
        for cell in gone:
            for row in (*grades[cell], *session.query(Comment).filter(Comment.cell_id == cell.id)):
                session.delete(row)
            if grades[cell]:
                self.log.warning(
                    "%s is gone: the marks of %d students for it are removed", one_line(cell.name), len(grades[cell])
                )
            session.delete(cell)
        for cell in notebook.source_cells:
            if cell.name not in self.new_source_cells:
                session.delete(cell)
        session.flush()
        session.expire_all()

    def _add_new(self, notebook: Notebook) -> None:
        """Make the rows of cells that are new, so that nbgrader finds the same cells as before."""
        for kind, new in (
            ("grade", self.new_grade_cells),
            ("solution", self.new_solution_cells),
            ("task", self.new_task_cells),
            ("source", self.new_source_cells),
        ):
            there = {cell.name for cell in getattr(notebook, f"{kind}_cells")}
            for name, info in new.items():
                if name not in there:
                    add = getattr(self.gradebook, f"update_or_create_{kind}_cell")
                    add(name, self.notebook_id, self.assignment_id, **info)
