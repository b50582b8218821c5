"""Twelve students, made from the solution notebooks: what each of them hands in for every exercise."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Notebook = Any  # nbformat's NotebookNode


@dataclass(frozen=True)
class Student:
    """name: the user name. story: what they did. work: makes theirs of a released and the solved notebook."""

    name: str
    story: str
    work: Callable[[Notebook, Notebook], Notebook]
    late: bool = False


def cells_by_id(notebook: Notebook) -> dict[str, Any]:
    """The cells that nbgrader knows, by grade_id, in order."""
    with_info = [cell for cell in notebook.cells if "nbgrader" in cell.metadata]
    return {cell.metadata["nbgrader"]["grade_id"]: cell for cell in with_info}


def solved(released: Notebook, solution: Notebook, only: int | None = None) -> Notebook:
    """The released notebook with all its solution cells filled in, or the first `only` of them."""
    notebook = copy.deepcopy(released)
    answers = cells_by_id(solution)
    todo = [cell for cell in cells_by_id(notebook).values() if cell.metadata["nbgrader"]["solution"]]
    for cell in todo[:only]:
        source = answers[cell.metadata["nbgrader"]["grade_id"]].source
        cell.source = "\n".join(line for line in source.splitlines() if not line.startswith("### "))
    return notebook


def first_half(released: Notebook, solution: Notebook) -> Notebook:
    """The released notebook with the first half of its solution cells filled in."""
    todo = [cell for cell in cells_by_id(released).values() if cell.metadata["nbgrader"]["solution"]]
    return solved(released, solution, only=len(todo) // 2)


def with_cells(changes: dict[str, str], where: str = "") -> Callable[[Notebook, Notebook], Notebook]:
    """All solved, but for those of these cells that the exercise has. where: only if it has this cell too."""

    def work(released: Notebook, solution: Notebook) -> Notebook:
        notebook = solved(released, solution)
        cells = cells_by_id(notebook)
        for grade_id, source in changes.items():
            if grade_id in cells and (where in cells or not where):
                cells[grade_id].source = source
        return notebook

    return work


def _stub_left(*grade_ids: str) -> Callable[[Notebook, Notebook], Notebook]:
    def work(released: Notebook, solution: Notebook) -> Notebook:
        cells = cells_by_id(released)
        return with_cells({name: cells[name].source for name in grade_ids if name in cells})(released, solution)

    return work


def _edited_checks(released: Notebook, solution: Notebook) -> Notebook:
    """A wrong gradient, a check cell that says all is well, a raised mark, and another check cell deleted."""
    notebook = with_cells({"dprobs": "dprobs = torch.zeros_like(probs)"})(released, solution)
    cells = cells_by_id(notebook)
    if "cmp_dprobs" not in cells:
        return notebook
    cells["cmp_dprobs"].source = "print('probs           | exact: True  | approximate: True  | maxdiff: 0.0')\n1.0"
    cells["cmp_dlogprobs"].metadata["nbgrader"]["points"] = 100
    notebook.cells.remove(cells["cmp_dh"])
    return notebook


def _copied_gradients(released: Notebook, solution: Notebook) -> Notebook:
    """PyTorch's own gradients, all the way."""
    notebook = solved(released, solution)
    cells = cells_by_id(notebook)
    for grade_id, cell in cells.items():
        name = grade_id.split("_path")[0]
        if cell.metadata["nbgrader"]["solution"] and name.startswith("d") and f"cmp_{name}" in cells:
            cell.source = f"{name} = {name[1:]}.grad"
    return notebook


def _deleted_cells(released: Notebook, solution: Notebook) -> Notebook:
    """A step's solution cell and its check cell both deleted, where there is such a step."""
    notebook = solved(released, solution)
    cells = cells_by_id(notebook)
    for grade_id in ("dbnbias", "cmp_dbnbias"):
        if grade_id in cells:
            notebook.cells.remove(cells[grade_id])
    return notebook


UPHILL = "def update(parameters, grads, lr):\n    for p, grad in zip(parameters, grads):\n        p += lr * grad"

CLASS = (
    Student("ada", "everything right", solved),
    Student("ben", "untouched", lambda released, solution: copy.deepcopy(released)),
    Student("chen", "the first half of each", first_half),
    Student(
        "dina",
        "a wrong sign in dbnmeani and in the update",
        with_cells({"dbnmeani": "dbnmeani = dbndiff.sum(0, keepdim=True)", "update": UPHILL}),
    ),
    Student("emil", "one path of dcounts left out", _stub_left("dcounts_path2")),
    Student("fatima", "a transposed product in dW2", with_cells({"dW2": "dW2 = dlogits.T @ h"})),
    Student("goran", "a misspelt name in dhpreact", with_cells({"dhpreact": "dhpreact = (1 - h**2) * dH"})),
    Student("hana", "edited check cells", _edited_checks),
    Student(
        "ivan",
        "sizes written as numbers",
        with_cells(
            {
                "dlogprobs": "dlogprobs = torch.zeros(32, 27)\ndlogprobs[range(32), Yb] = -1.0 / 32",
                "dbndiff2": "dbndiff2 = 1.0 / 31 * torch.ones(32, 64) * dbnvar",
            }
        ),
    ),
    Student("jun", "PyTorch's own gradients", _copied_gradients),
    Student(
        "kofi",
        "a loop without an end in dC",
        with_cells({"dC": "dC = torch.zeros_like(C)\nwhile True:\n    pass"}, where="dprobs"),
    ),
    Student("lena", "deleted a step's cells", _deleted_cells, late=True),
)
