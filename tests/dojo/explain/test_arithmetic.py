"""Arithmetic between values, and what of it is refused."""

from __future__ import annotations

import ast

import pytest
import torch

from autograder.dojo.explain.arithmetic import binary, compared, in_place, unary
from autograder.dojo.explain.operations import UnknownError

LONG = torch.ones(10_000)


def test_values_are_those_of_python():
    assert binary(2, ast.Pow(), 3) == 8
    assert binary((1, 2), ast.Add(), (3,)) == (1, 2, 3)
    assert unary(ast.USub(), 2) == -2
    assert compared(1, ast.Lt(), 2) is True
    assert torch.equal(binary(LONG, ast.Mult(), 2), LONG * 2)


def test_a_tensor_is_changed_in_place_and_a_number_is_not():
    value = torch.ones(2)
    assert in_place(value, ast.Add(), 1) is value
    assert torch.equal(value, torch.full((2,), 2.0))
    assert in_place(1, ast.Add(), 1) == 2


@pytest.mark.parametrize(
    ("one", "op", "other"),
    [
        (LONG[:, None], ast.Add(), LONG),
        (LONG[:, None], ast.MatMult(), LONG[None]),
        (10, ast.Pow(), 10**9),
        (10**19, ast.Mult(), 10**19),
        ([1], ast.Mult(), 10**9),
        ("x", ast.Mult(), 10**9),
        ("%s", ast.Mod(), 1),
        (1, ast.LShift(), 10**9),
        (2j, ast.Add(), 1),
    ],
)
def test_what_is_large_or_no_arithmetic_is_refused(one, op, other):
    for function in (binary, in_place):
        with pytest.raises(UnknownError):
            function(one, op, other)


def test_lists_are_not_compared():
    with pytest.raises(UnknownError):
        compared([1], ast.Eq(), [1])
    with pytest.raises(UnknownError):
        compared(LONG[:, None], ast.Eq(), LONG)
    with pytest.raises(UnknownError):
        unary(ast.Not(), [])
