"""What the code of an update says."""

import ast

import pytest
import torch

from autograder.dojo.explain.update_code import copied, ends_early, function_of, numbers_in, outside, rebound, works_on
from tests.dojo.explain.updates import EACH, HEAD


def function(code):
    return function_of([code], "update")


def test_the_last_definition_counts():
    first, last = EACH + "pass", "update = lambda parameters, grads, lr: None"
    assert isinstance(function_of([first, last], "update"), ast.Lambda)
    assert isinstance(function_of([last, first, "update(a, b, c)", "%%time", "def update("], "update"), ast.FunctionDef)
    assert function_of(["other = 1", "update = 3"], "update") is None


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (EACH + "p = p - lr * grad", ("p = p - lr * grad", "p")),
        (HEAD + "a, b = parameters\n    a = a - lr * grads[0]", ("a = a - lr * grads[0]", "a")),
        (HEAD + "for i in range(2):\n        q = parameters[i]\n        q = q - grads[i]", ("q = q - grads[i]", "q")),
        (HEAD + "parameters = [p - 1 for p in parameters]", ("parameters = [p - 1 for p in parameters]", "parameters")),
        (EACH + "q = p - lr * grad", None),
        (EACH + "p -= lr * grad", None),
        (HEAD + "q = parameters[0]", None),
    ],
)
def test_a_name_that_is_given_to_something_new(code, found):
    assert rebound(function(code)) == found


@pytest.mark.parametrize(
    ("code", "found"),
    [("q = p.clone()", "p.clone()"), ("q = np.array(p)", "np.array(p)"), ("p -= lr * grad", None)],
)
def test_a_copy(code, found):
    assert copied(function(EACH + code)) == found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (HEAD + "global W\n    W -= lr * grads[0]", ["W"]),
        (HEAD + "for p in [E, W]:\n        p -= lr * grads[0]", ["E", "W"]),
        (HEAD + "W.sub_(lr * grads[0])", ["W"]),
        (HEAD + "E, W = parameters\n    W -= lr * grads[0]", []),
        (EACH + "p -= lr * grad / W.shape[0]", []),
    ],
)
def test_tensors_of_the_notebook_that_are_changed(code, found):
    assert outside(function(code), ("E", "W")) == found


def test_a_loop_that_ends_after_its_first_turn():
    assert ends_early(function(EACH + "p -= lr * grad\n        return")) == "return"
    assert ends_early(function(EACH + "p -= lr * grad\n        break")) == "break"
    assert ends_early(function(EACH + "if p.dim() > 1:\n            break")) is None
    assert ends_early(function(EACH + "p -= lr * grad\n    return")) is None


def test_whether_a_line_changes_anything_in_place():
    assert works_on(function(EACH + "p -= lr * grad"))
    assert works_on(function(EACH + "p.sub_(grad)"))
    assert not works_on(function(EACH + "p - lr * grad"))


def test_numbers_that_code_names_and_no_others():
    code = EACH + "p -= lr * grad / (n - 1) / len(x) / 7 / p.numel() / open('x')"
    found = dict(numbers_in(function(code), {"n": 32, "x": torch.zeros(5, 2)}))
    assert found == {"n": 32.0, "n - 1": 31.0, "len(x)": 5.0}
