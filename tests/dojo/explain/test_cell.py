"""A student's cell: the statements that matter, its values, and the parts of the lines that it may hold."""

from __future__ import annotations

import ast

import pytest
import torch

from autograder.dojo.explain.cell import assigns, gives, slopes_of, statements
from tests.dojo.explain.cells import cell

SWELL = "swell = torch.tanh(oar)"


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("a = 1\ndoar = dswell", "doar = dswell"),
        ("doar = 1\ndoar = dswell\ndoar += 1", "doar = dswell\ndoar += 1"),
        ("half = dswell / 2\ndoar = half", "half = dswell / 2\ndoar = half"),
        ("dswell = 3\ndoar = dswell", "doar = dswell"),
        ("doar = zeros\nfor i in x:\n    doar[i] = 1\nprint(doar)", "doar = zeros\nfor i in x:\n    doar[i] = 1"),
    ],
)
def test_only_the_statements_that_make_the_gradient_are_kept(source, kept):
    names = {"dswell": 0, "zeros": 0, "x": 0}
    assert "\n".join(map(ast.unparse, statements(source, "doar", names))) == kept


def test_a_cell_that_assigns_a_variable():
    assert assigns("doar = 1", "doar")
    assert assigns("doar[0] += 1", "doar")
    assert assigns("doar.add_(1)", "doar")
    assert not assigns("x = doar", "doar")
    assert not assigns("%time doar = 1", "doar")


def test_changed_parts_alone_are_computed_again():
    student = cell(SWELL, "oar", "square = swell**2\ndoar = dswell * (1 + square)", oar=(0, 3))
    plus = next(node for node in student.nodes if ast.unparse(node) == "1 + square")
    found = student.result(student.trial, {plus: ast.BinOp(plus.left, ast.Sub(), plus.right)})
    torch.testing.assert_close(found, student.trial.total)
    first = next(node for node in student.nodes if ast.unparse(node) == "swell ** 2")
    found = student.result(student.trial, {first: ast.UnaryOp(ast.USub(), ast.parse("swell**2", mode="eval").body)})
    torch.testing.assert_close(found, student.trial.total)


def test_the_derivatives_of_functions_of_a_line_are_known():
    student = cell(SWELL, "oar", "doar = dswell * swell", oar=(0, 3))
    names = [slope.id for slope in student.slopes]
    swell = student.trial.names["swell"]
    torch.testing.assert_close(student.trial.names[names[0]], 1 - swell**2)
    assert slopes_of(student.trial.scene)[names[0]].text == SWELL


def test_code_gives_what_was_found_up_to_rounding():
    names = {"oar": torch.tensor([1.0, 2.0], dtype=torch.float64)}
    assert gives("doar = oar * 2", "doar", names, torch.tensor([2.0, 4.0], dtype=torch.float64) + 1e-7)
    assert not gives("doar = oar * 2", "doar", names, torch.tensor([2.0, 4.1], dtype=torch.float64))
    assert not gives("doar = helper(oar)", "doar", names, torch.tensor([2.0, 4.0], dtype=torch.float64))
