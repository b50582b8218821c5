"""The check cells of an exercise, read as steps."""

from pathlib import Path

import pytest

from autograder.exercise.cells import ExerciseError
from autograder.exercise.notebook import exercise_from_notebook
from autograder.exercise.steps import check_call
from tests import notebooks
from tests.notebooks import by_id, code, locked, notebook, solution


def value(label, found, expected, points=1, more=""):
    info = {"grade_id": f"cmp_{label}", "grade": True, "solution": False, "locked": True, "points": points}
    return code(f"cmp_value('{label}', {found}, {expected}{more})", nbgrader=info)


def read(*cells):
    return exercise_from_notebook(notebook(*cells), Path("here.ipynb"))


@pytest.mark.parametrize(
    ("source", "tensor", "tolerances"),
    [
        ("cmp('x', dx, x)", "x", {}),
        ("cmp('x', dx, x, rtol=1e-3)", "x", {"rtol": 1e-3}),
        ("cmp_value('x', found, wanted, atol=0.5, rtol=0)", "wanted", {"atol": 0.5, "rtol": 0.0}),
        ('cmp("W", dW, params["W"])', "params['W']", {}),
        ("cmp('W', dW, model.fc.weight)", "model.fc.weight", {}),
        ("cmp('W', dW, layers[0].weight)", "layers[0].weight", {}),
    ],
)
def test_a_check_names_what_it_compares_and_may_allow_more(source, tensor, tolerances):
    call = check_call(source, "here")
    assert (call.tensor, call.tolerances) == (tensor, tolerances)


def test_a_check_of_a_value_may_name_what_its_reason_is_looked_for_in():
    call = check_call("cmp_value('x', found, wanted, rtol=0.5, moves=tried, of=tensors)", "here")
    assert (call.tolerances, call.reasons) == ({"rtol": 0.5}, {"moves": "tried", "of": "tensors"})
    with pytest.raises(ExerciseError, match="moves=tried; a tolerance"):
        check_call("cmp('x', dx, x, moves=tried)", "here")


def test_a_check_may_give_a_bonus_and_then_has_no_points():
    assert check_call("cmp('x', dx, x, rtol=1e-3, bonus=2)", "here").bonus == 2.0
    book = notebooks.tide()
    by_id(book)["cmp_dfoam"].source = "cmp('foam', dfoam, foam, bonus=2)"
    with pytest.raises(ExerciseError, match="cmp_dfoam has 2 points and bonus=2; set its points to 0"):
        exercise_from_notebook(book, Path("here.ipynb"))
    by_id(book)["cmp_dfoam"].metadata["nbgrader"]["points"] = 0
    exercise = exercise_from_notebook(book, Path("here.ipynb"))
    assert [(step.points, step.bonus) for step in exercise.steps] == [(1, 0), (0, 2), (3, 0), (4, 0)]
    assert exercise.max_score == 8


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("cmp('x', dx, x, bonus=0)", "bonus=0; a bonus is a number of points above 0"),
        ("cmp('x', dx, x, bonus=True)", "bonus=True; a bonus"),
        ("cmp('x', dx, x, bonus=n)", "bonus=n; a bonus"),
        ("cmp('x', dx, x, rtol=big)", "rtol=big; a tolerance is rtol or atol, a number from 0 to 1"),
        ("cmp('x', dx, x, rtol=True)", "rtol=True; a tolerance"),
        ("cmp('x', dx, x, rtol=2)", "rtol=2; a tolerance"),
        ("cmp('x', dx, x, slack=1)", "slack=1; a tolerance"),
        ("cmp_value('x', found, a.b)", "is not of the form"),
        ("cmp('x', dx, f(x))", "is not of the form"),
    ],
)
def test_a_check_of_another_form_is_refused_with_what_it_may_be(source, says):
    with pytest.raises(ExerciseError, match=rf"here .*{says}"):
        check_call(source, "here")


def test_the_moves_of_a_check_come_from_a_run_cell():
    cells = [locked("setup", "a = 1"), locked("reference", "wanted = 1.0", "autograd"), solution("f", "def f(): pass")]
    run, check = locked("run_f", "found = tried = f()", "run"), value("f", "found", "wanted", 1, ", moves=tried, of=a")
    (step,) = read(*cells, run, check).steps
    assert (step.moves, step.of) == ("tried", "a")
    other = locked("run_f", "found = f()", "run")
    with pytest.raises(ExerciseError, match="cmp_f has moves=tried, which no cell tagged run assigns"):
        read(*cells, other, check)


def test_a_step_has_one_check_cell():
    twice = notebooks.tide()
    again = by_id(notebooks.tide())["cmp_dfoam"]
    again.metadata["nbgrader"]["grade_id"] = "cmp_again"
    twice.cells.append(again)
    with pytest.raises(ExerciseError, match="cmp_dfoam and cmp_again both mark dfoam; a step has one check cell"):
        exercise_from_notebook(twice, Path("here.ipynb"))


STEPS = (
    locked("parameters", "SEED = 1", "parameters"),
    locked("setup", "import torch\nw = torch.ones(3)"),
    solution("half", "def half(w):\n    return w / 2"),
    locked("reference", "half_expected, twice_expected = w / 2, w * 2", "autograd"),
    locked("run_half", "half_found = half(w)", "run"),
    value("half", "half_found", "half_expected", more=", rtol=1e-2"),
    solution("twice", "def twice(w):\n    return w * 2"),
    locked("run_twice", "twice_found = twice(w)", "run"),
    value("twice", "twice_found", "twice_expected"),
)


def test_values_need_no_forward_pass_and_each_has_the_run_cell_that_makes_it():
    exercise = read(*STEPS)
    assert exercise.assignments == ()
    assert [(step.name, step.runs, step.rtol) for step in exercise.steps] == [
        ("half_found", ("run_half",), 1e-2),
        ("twice_found", ("run_twice",), 0.0),
    ]
    assert exercise.setup == ("SEED = 1", "import torch\nw = torch.ones(3)")


def test_a_gradient_needs_a_forward_pass():
    cells = [*STEPS, solution("dw", "dw = w"), notebooks.check("w")]
    with pytest.raises(ExerciseError, match="no locked code cell has the tag forward"):
        read(*cells)


def test_several_forward_cells_are_one_forward_pass():
    cut = notebooks.tide()
    at = notebooks.place(cut, "forward")
    first, second = cut.cells[at].source.split("\n", 1)
    cut.cells[at : at + 1] = [locked("first", first, "forward"), locked("second", second, "forward")]
    one, two = (exercise_from_notebook(n, Path("here.ipynb")) for n in (notebooks.tide(), cut))
    assert two.assignments == one.assignments
    assert two.setup == one.setup
