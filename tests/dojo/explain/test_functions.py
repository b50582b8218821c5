"""The arguments of a function that a cell defines get values as in Python."""

from __future__ import annotations

import ast

import pytest

from autograder.dojo.explain.functions import bound
from autograder.dojo.explain.operations import UnknownError


def _bound(source: str, args: list[int], words: dict[str, int]) -> dict[str, int]:
    function = ast.parse(source).body[0]
    assert isinstance(function, ast.FunctionDef)
    return bound(function, args, words, ast.literal_eval)


def test_by_place_by_name_and_by_default():
    assert _bound("def f(a, b, c=3): pass", [1], {"b": 2}) == {"a": 1, "b": 2, "c": 3}


@pytest.mark.parametrize(
    ("source", "args", "words"),
    [
        ("def f(a): pass", [], {}),
        ("def f(a): pass", [1, 2], {}),
        ("def f(a): pass", [1], {"b": 2}),
        ("def f(*a): pass", [1], {}),
        ("def f(**a): pass", [], {}),
        ("def f(a, *, b): pass", [1], {"b": 1}),
        ("@cache\ndef f(a): pass", [1], {}),
    ],
)
def test_a_call_that_does_not_fit_is_refused(source, args, words):
    with pytest.raises(UnknownError):
        _bound(source, args, words)
