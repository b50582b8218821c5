"""What locked autograd cells supply: read off their code, and given to submissions of a small exercise."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import torch

from autograder.exercise.given import autograd_cells
from autograder.exercise.notebook import ExerciseError, exercise_from_notebook, read_exercise
from autograder.marking.attempts import attempt
from autograder.marking.compare import Targets
from autograder.marking.mark import Marker
from autograder.marking.reasons import Explainer
from autograder.marking.verdict import CREDIT
from autograder.reference.compute import compute_references
from autograder.sandbox.limits import Limits
from autograder.submission.notebook import submission_from_notebook
from tests import notebooks
from tests.notebooks import code, locked, notebook, solution
from tests.warm import line, warm_grader

SECRET = b"the secret of the ferry"
MOVE = "def move(x, by):\n    x += 2 * by"


def value_check(label, found, expected, points):
    info = {"grade_id": f"cmp_{label}", "grade": True, "solution": False, "locked": True, "task": False}
    source = f"cmp_value('{label}', {found}, {expected})"
    return code(source, nbgrader={**info, "points": points, "schema_version": 3})


def ferry(**answers):
    """`dwake` is given, `dhull` is marked; `move` is marked by what a run of it makes with the given `shifts`."""
    right = {"dhull": "dhull = dwake * 3 * hull**2", "move": MOVE} | answers
    return notebook(
        locked("imports", "import torch"),
        locked("sizes", "SEED = 5\nrows = 6", "parameters"),
        locked(
            "data",
            "source = torch.Generator().manual_seed(SEED)\n"
            "hull = torch.randn(rows, generator=source).requires_grad_()\n"
            "start = torch.randn(rows, generator=source)",
        ),
        locked("forward", "wake = hull**3\nloss = wake.sin().sum()", "forward"),
        locked("autograd", "wake.retain_grad()\nloss.backward()\ndwake = wake.grad.clone()", "autograd"),
        locked("steer", "shifts = torch.linspace(0, 1, rows)\narrived = start + 2 * shifts", "autograd"),
        solution("dhull", right["dhull"]),
        notebooks.check("hull", 1),
        solution("move", right["move"]),
        locked("trip", "goal = start.clone()\nmove(goal, shifts)", "run"),
        value_check("move", "goal", "arrived", 2),
    )


@pytest.fixture(scope="module")
def exercise(tmp_path_factory):
    path = tmp_path_factory.mktemp("ferry") / "ferry.ipynb"
    nbformat.write(ferry(), path)
    return read_exercise(path)


@pytest.fixture(scope="module")
def grader(exercise):
    with warm_grader(exercise, SECRET, CREDIT) as warm:
        yield warm


def marks(grader, submitted):
    result = grader.grade("s", lambda: submission_from_notebook(submitted, grader.exercise))
    assert result.status == "graded", result.error
    return {step.name: step.verdict.value for step in result.steps}


@pytest.mark.parametrize(
    ("source", "given", "values"),
    [
        ("loss.backward()\ndx = x.grad", {"dx": "x"}, set()),
        ("dx = x.grad.clone().detach()", {"dx": "x"}, set()),
        ("dx = 2 * x.grad", {}, {"dx"}),
        ("a, b = run()", {}, {"a", "b"}),
        ("for p in parameters:\n    p.grad = None", {}, set()),
        ("%time loss.backward()", {}, set()),
    ],
)
def test_what_a_cell_supplies(source, given, values):
    found = autograd_cells((source,))
    assert (found.given, found.values) == (given, values)


def test_a_given_gradient_is_true_end_to_end_and_random_step_by_step(exercise):
    for reference in (references := compute_references(exercise, SECRET)).hidden:
        known = reference.known
        true = known.tensors["wake"].cos()
        torch.testing.assert_close(known.tensors["dwake"], true)
        assert not torch.allclose(known.upstream["dwake"], true)
        slope = 3 * known.tensors["hull"] ** 2
        torch.testing.assert_close(reference.end.total["hull"], true * slope)
        torch.testing.assert_close(reference.step.total["hull"], known.upstream["dwake"] * slope)
    assert references.public.known.tensors["dwake"].dtype == torch.float32


def test_a_value_is_supplied_and_what_it_is_compared_with_is_not(exercise):
    for reference in compute_references(exercise, SECRET).hidden:
        assert "shifts" in reference.known.tensors
        assert "arrived" not in reference.known.tensors
        expected = reference.known.tensors["start"] + 2 * reference.known.tensors["shifts"]
        torch.testing.assert_close(reference.end.total["arrived"], expected)


@pytest.mark.parametrize(
    ("answers", "verdicts"),
    [
        ({}, ("exact", "exact")),
        ({"dhull": "dwake *= 3\ndhull = dwake * hull**2"}, ("approximate", "exact")),
        ({"dhull": "dhull = wake.cos() * 3 * hull**2"}, ("approximate", "exact")),  # right end to end
        ({"dhull": "dhull = dwake * hull**2"}, ("wrong", "exact")),
        ({"move": "def move(x, by):\n    x += by"}, ("exact", "wrong")),
        ({"move": "def move(x, by):\n    return x + 2 * by"}, ("exact", "wrong")),
        ({"move": "def move(x, by):\n    x += 2 * by\n    by += 1"}, ("exact", "exact")),
        ({"move": "def move(x, by):\n    x += 1 / 0"}, ("exact", "error")),
        ({"move": "pass"}, ("exact", "error")),
        ({"move": "goal = arrived"}, ("exact", "error")),
        ({"dhull": "dhull = None"}, ("missing", "exact")),
    ],
)
def test_verdicts(grader, answers, verdicts):
    found = tuple(marks(grader, ferry(**answers)).values())
    assert [v.replace("approximate", "exact") for v in found] == [v.replace("approximate", "exact") for v in verdicts]


def test_an_edited_run_cell_is_run_as_it_was(grader):
    submitted = ferry(move="def move(x, by):\n    pass")
    notebooks.by_id(submitted)["trip"].source = "goal = start + 2 * shifts"
    assert marks(grader, submitted)["goal"] == "wrong"


@pytest.mark.parametrize("gone", [["trip"], ["cmp_move"], ["trip", "cmp_move"]])
def test_deleted_cells_cost_nothing(grader, gone):
    submitted = ferry()
    for grade_id in gone:
        submitted.cells.remove(notebooks.by_id(submitted)[grade_id])
    assert {name: CREDIT.get(verdict) for name, verdict in marks(grader, submitted).items()} == {"dhull": 1, "goal": 1}


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ([], []),
        ([{"output_type": "stream", "name": "stdout", "text": "\nfar: 7\x1b[2J\nmore"}], ["far: 7[2J"]),
        ([{"output_type": "stream", "name": "stdout", "text": ["far: ", "7\n"]}], ["far: 7"]),
        ([{"output_type": "stream", "text": "7" * 1000}], ["7" * 120]),
        ([None, {"output_type": "stream", "text": 7}], []),
        ("far", []),
    ],
)
def test_what_a_report_cell_has_printed_reaches_the_instructor(exercise, outputs, said):
    """And nothing of it is run or trusted."""
    reporting = notebooks.tide()
    notebooks.by_id(reporting)["show"].metadata["tags"] = ["report"]
    tide = exercise_from_notebook(reporting, Path("tide.ipynb"))
    notebooks.by_id(reporting)["show"]["outputs"] = outputs
    flags = submission_from_notebook(reporting, tide).flags
    assert list(flags) == [f"its notebook says, not checked: {text}" for text in said]


def test_what_is_compared_with_must_come_from_an_autograd_cell():
    broken = ferry()
    notebooks.by_id(broken)["steer"].source = "shifts = torch.linspace(0, 1, rows)"
    with pytest.raises(ExerciseError, match="cmp_move compares with arrived, which no autograd cell assigns"):
        exercise_from_notebook(broken, Path("ferry.ipynb"))


def test_loops_without_an_end_take_less_and_less_time(exercise):
    """A submission with many of them is still run to its end: here they would take 16 s, and 10 s is all it has."""
    submitted = ferry()
    submitted.cells[7:7] = [code("import time\ntime.sleep(60)") for _ in range(16)]
    references = compute_references(exercise, SECRET)
    cases = [case.known for case in (references.public, *references.hidden, *references.rounded)]
    marker = Marker(exercise, Targets(exercise, references), Explainer(exercise, references), CREDIT)
    with line(exercise, cases, Limits(cell_seconds=1.0, seconds=10.0)) as sandbox:
        submission = submission_from_notebook(submitted, exercise)
        result = marker.mark("s", submission, attempt(exercise, marker.targets, submission, sandbox), 0.0)
    assert (result.status, result.error) == ("graded", None)
    assert [step.points for step in result.steps] == [step.points for step in exercise.steps]
