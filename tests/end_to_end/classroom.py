"""The class of the end-to-end test: what each of them hands in, and what can be read off the course afterwards."""

from __future__ import annotations

import copy
import csv
import json
from dataclasses import dataclass
from typing import Any

import nbformat
from bs4 import BeautifulSoup
from nbgrader.api import Gradebook

from demo.commands import ASSIGNMENT, Course
from demo.sample_class import CLASS, cells_by_id, solved, with_cells

EXERCISE = "1_manual_backprop"
COURSE_ID = "backprop-dojo"
SAMPLE = {student.name: student for student in CLASS}


def damaged(released: Any, solution: Any) -> Any:
    """All right but dC, whose check cell claims the contrary; then about every cell that can be tampered with is."""
    notebook = with_cells({"dC": "dC = torch.zeros_like(C)"})(released, solution)
    cells = cells_by_id(notebook)
    cells["cmp_dC"].source = "print('C               | exact: True  | approximate: True  | maxdiff: 0.0')\n1.0"
    cells["cmp_dlogprobs"].metadata["nbgrader"]["points"] = 100
    cells["forward"].source = "loss = torch.zeros(())"
    cells["cmp_dprobs"].metadata["nbgrader"] |= {"grade": False, "solution": True, "locked": False}
    cells["cmp_db1"].source = "raise SystemExit"
    del cells["cmp_dW2"].metadata["nbgrader"]
    notebook.cells.remove(cells["cmp_dh"])
    _replace(notebook, cells["cmp_db2"], nbformat.v4.new_markdown_cell)
    _replace(notebook, cells["dbngain"], nbformat.v4.new_markdown_cell)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("1e9", metadata=_a_check("my_own_bonus", points=50)))
    return notebook


def rearranged(released: Any, solution: Any) -> Any:
    """All right but dbnbias, deleted with its check cell, and db1, overwritten; others are doubled or moved."""
    notebook = solved(released, solution)
    cells = cells_by_id(notebook)
    for grade_id in ("dbnbias", "cmp_dbnbias"):
        notebook.cells.remove(cells[grade_id])
    # Its own answer first, then a second answer cell of the same name that is right.
    twin = copy.deepcopy(cells["dprobs"])
    twin["id"] = "twin"
    cells["dprobs"].source = "dprobs = torch.zeros_like(probs)"
    notebook.cells.insert(notebook.cells.index(cells["dprobs"]) + 1, twin)
    # The last step: both its cells are gone, and the answer stands at the end in a cell of the student's own.
    answer = cells["dC"].source
    for grade_id in ("dC", "cmp_dC"):
        notebook.cells.remove(cells[grade_id])
    notebook.cells.append(nbformat.v4.new_code_cell(answer))
    # An edited copy of a locked cell, in front of the original: it runs, as it did for the student.
    copied = copy.deepcopy(cells["cmp_db1"])
    copied |= {"id": "copied", "source": "db1 = None"}
    notebook.cells.insert(notebook.cells.index(cells["cmp_db1"]), copied)
    return notebook


def noisy(released: Any, solution: Any) -> Any:
    """A wrong sign, a wrong shape, an exception and warnings, in a notebook of an older format, as Colab saves it."""
    changes = {
        "dlogprobs": "import sys, warnings\nwarnings.warn('careful')\nprint('oops', file=sys.stderr)\n"
        + cells_by_id(solved(released, solution))["dlogprobs"].source,
        "dW2": "dW2 = dlogits.T @ h",
        "dbnbias": "dbnbias = dhpreaktion.sum(0, keepdim=True)",
        "dbnmeani": "dbnmeani = dbndiff.sum(0, keepdim=True)",
    }
    notebook = with_cells(changes)(released, solution)
    notebook.cells.remove(cells_by_id(notebook)["cmp_dbngain"])
    notebook.nbformat_minor = 2
    for cell in notebook.cells:
        del cell["id"]
    return notebook


def _replace(notebook: Any, cell: Any, make: Any) -> None:
    again = make(cell.source, metadata=cell.metadata, id=cell.id)
    notebook.cells[notebook.cells.index(cell)] = again


def _a_check(grade_id: str, points: int) -> dict[str, Any]:
    info = {"grade": True, "solution": False, "locked": True, "task": False, "points": points, "schema_version": 3}
    return {"nbgrader": info | {"grade_id": grade_id, "cell_type": "code", "checksum": "0"}}


HANDED_IN = {
    "ada": solved,
    "ben": SAMPLE["ben"].work,
    "eve": damaged,
    "fay": noisy,
    "jun": SAMPLE["jun"].work,
    "lena": rearranged,
}
# The others' notebooks are put into submitted/ by hand, as after collecting by mail.
THROUGH_EXCHANGE = {"ada", "ben", "eve", "lena"}
LATE = "lena"
# In the gradebook, but nothing submitted.
ABSENT = "zoe"
# A folder in submitted/ that came another way and has no notebook in it.
EMPTY = "max"


@dataclass(frozen=True)
class Grade:
    """One check cell in the gradebook."""

    auto: float | None
    manual: float | None
    score: float
    max_score: float


@dataclass(frozen=True)
class Round:
    """Everything that one round of grading left behind, read at its end; later rounds do not change it.

    grades: student -> check cell -> Grade. comments: student -> solution cell -> text. notebooks: the
    autograded ones. written: when each of them was written. export: the rows of grades.csv by student.
    feedback: the pages in the instructor's folder.
    """

    grades: dict[str, dict[str, Grade]]
    comments: dict[str, dict[str, str | None]]
    scores: dict[str, float]
    notebooks: dict[str, Any]
    written: dict[str, int]
    export: dict[str, dict[str, str]]
    feedback: dict[str, str]


def look(course: Course) -> Round:
    """Read gradebook, autograded notebooks and grades.csv as they are now."""
    grades: dict[str, dict[str, Grade]] = {}
    comments: dict[str, dict[str, str | None]] = {}
    scores = {}
    with Gradebook(gradebook_url(course), COURSE_ID) as gradebook:
        for submission in gradebook.assignment_submissions(ASSIGNMENT):
            (notebook,) = submission.notebooks
            student = submission.student.id
            scores[student] = submission.score
            grades[student] = {
                grade.name: Grade(grade.auto_score, grade.manual_score, grade.score, grade.max_score)
                for grade in notebook.grades
            }
            comments[student] = {comment.name: comment.comment for comment in notebook.comments}
    paths = {path.parent.parent.name: path for path in (course.folder / "autograded").glob(f"*/*/{EXERCISE}.ipynb")}
    export = course.folder / "grades.csv"
    rows = csv.DictReader(export.read_text().splitlines()) if export.exists() else []
    return Round(
        grades=grades,
        comments=comments,
        scores=scores,
        notebooks={student: nbformat.read(path, as_version=4) for student, path in paths.items()},
        written={student: path.stat().st_mtime_ns for student, path in paths.items()},
        export={row["student_id"]: row for row in rows},
        feedback={path.parent.parent.name: path.read_text() for path in course.folder.glob("feedback/*/*/*.html")},
    )


def gradebook_url(course: Course) -> str:
    """Where the course's database is."""
    return f"sqlite:///{course.folder / 'gradebook.db'}"


def read_marks(course: Course) -> dict[str, Any]:
    """What `autograder grade` wrote, by student."""
    return {s["student"]: s for s in json.loads((course.folder / "marks.json").read_text())["submissions"]}


def checks(notebook: Any) -> dict[str, Any]:
    """The check cells of a notebook, by grade_id."""
    cells = cells_by_id(notebook).items()
    return {name: cell for name, cell in cells if cell.metadata["nbgrader"]["grade"]}


def page_text(html: str) -> str:
    """What a reader of an HTML page sees."""
    page = BeautifulSoup(html, "html.parser")
    for hidden in page(["style", "script"]):
        hidden.decompose()
    return str(page.get_text())
