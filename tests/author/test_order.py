"""Path cells in another order than their stubs say are found by what they add."""

import pytest

from autograder.author.new import write_new
from autograder.author.order import order_findings
from autograder.author.solve import script_of
from autograder.exercise.notebook import exercise_from_notebook
from autograder.reference.compute import compute_references
from autograder.reference.setup import in_folder
from tests.conftest import SECRET
from tests.notebooks import by_id, solution

FORWARD = """\
import torch
SEED = 1
n = 3
g = torch.Generator().manual_seed(SEED)
x = torch.randn((n, 4), generator=g, requires_grad=True)
a = x.exp()
b = x * 3
c = x**2
y = a * b * c
loss = y.sum()
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("order")
    (folder / "forward.py").write_text(FORWARD)
    return write_new(folder / "a" / "b.ipynb", folder / "forward.py").path


def found(path, **answers):
    import nbformat

    book = nbformat.read(path, as_version=4)
    for grade_id, answer in answers.items():
        by_id(book)[grade_id].source = solution(grade_id, answer).source
    exercise = exercise_from_notebook(book, path)
    reference = compute_references(exercise, SECRET).hidden[-1]
    with in_folder(exercise) as shell:
        return [finding.line() for finding in order_findings(exercise, script_of(book, exercise), reference, shell)]


C, B, A = "dc * 2 * x", "db * 3", "da * x.exp()"


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [(C, B, A), (f"({B}) + ({A})", f"{C} - {A}", A), (f"({C}) * 2", f"{B} - {C}", A)],
)
def test_cells_in_order_and_cells_that_are_no_single_path_are_left_alone(written, first, second, third):
    answers = {"dx_path1": f"dx = {first}", "dx_path2": f"dx = dx + {second}", "dx_path3": f"dx = dx + {third}"}
    assert found(written, **answers) == []


def test_cells_in_another_order_are_named_with_the_right_one(written):
    answers = {"dx_path1": f"dx = {A}", "dx_path2": f"dx = dx + {B}", "dx_path3": f"dx = dx + {C}"}
    (line,) = found(written, **answers)
    assert "dx_path1: adds the path through a, and its stub says through c" in line
    assert "backward order: through c, b, a" in line


def test_in_place_too(written):
    answers = {"dx_path1": f"dx = {C}", "dx_path2": f"dx += {A}", "dx_path3": f"dx += {B}"}
    (line,) = found(written, **answers)
    assert "dx_path2: adds the path through a, and its stub says through b" in line
