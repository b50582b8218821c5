"""The statements that matter are those that make the variable."""

from __future__ import annotations

import ast

import pytest

from autograder.dojo.explain.statements import LONGEST, assigns, statements, works_in_place


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("a = 1\ndoar = dswell", "doar = dswell"),
        ("doar = 1\ndoar = dswell\ndoar += 1", "doar = dswell\ndoar += 1"),
        ("half = dswell / 2\ndoar = half", "half = dswell / 2\ndoar = half"),
        ("dswell = 3\ndoar = dswell", "doar = dswell"),
        ("x = x * 2\ndoar = x", "x = x * 2\ndoar = x"),
        ("for x in zeros:\n    print(x)\ndoar = [x for x in dswell]", "doar = [x for x in dswell]"),
        (
            "def f(x):\n    zeros = x\n    return zeros\nzeros = 1\ndoar = f(dswell)",
            "def f(x):\n    zeros = x\n    return zeros\ndoar = f(dswell)",
        ),
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


def test_code_that_is_far_too_long_or_deep_assigns_nothing():
    assert not assigns("doar = 1" + " " * LONGEST, "doar")
    assert not assigns(f"doar = {'(' * 5000}1{')' * 5000}", "doar")
    with pytest.raises(SyntaxError):
        statements("doar = 1" + " " * LONGEST, "doar", {})


def test_a_call_that_works_in_place():
    assert works_in_place(ast.parse("doar.add_(1)", mode="eval").body)
    assert not works_in_place(ast.parse("doar.add(1)", mode="eval").body)
