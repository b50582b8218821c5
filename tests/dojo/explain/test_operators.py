"""Calls that do what an operator does are read as the operator, and quoted as they were written."""

from __future__ import annotations

import ast

import pytest

from autograder.dojo.explain.edit import quoted
from autograder.dojo.explain.operators import with_operators


@pytest.mark.parametrize(
    ("code", "operators"),
    [
        ("dx = dy.mul(h)", "dx = dy * h"),
        ("dx = torch.mul(dy, h).div(n)", "dx = dy * h / n"),
        ("dx = torch.add(a, b) - c.sub(d)", "dx = a + b - (c - d)"),
        ("dx = dy.matmul(W.t())", "dx = dy @ W.T"),
        ("dx = torch.mm(dy, W.T)", "dx = dy @ W.T"),
        ("dx = F.linear(dy, W)", "dx = dy @ W.T"),
        ("dx = torch.square(x) + x.pow(3)", "dx = x ** 2 + x ** 3"),
        ("dx = x.neg() * torch.reciprocal(y)", "dx = -x * (1 / y)"),
        # Another operation, or one with more to it.
        ("dx = torch.add(a, b, alpha=2)", "dx = torch.add(a, b, alpha=2)"),
        ("dx = F.linear(dy, W, b)", "dx = F.linear(dy, W, b)"),
        ("dx = dy.mul_(h)", "dx = dy.mul_(h)"),
        ("dx = x.sum(0)", "dx = x.sum(0)"),
    ],
)
def test_calls_are_read_as_operators(code, operators):
    assert ast.unparse(with_operators(ast.parse(code))) == operators


def test_a_sentence_quotes_what_the_student_wrote():
    (statement,) = with_operators(ast.parse("dx = F.linear(dy.mul(h), W) + 1")).body
    assert quoted(statement.value) == "`F.linear(dy.mul(h), W) + 1`"
    assert quoted(statement.value.left) == "`F.linear(dy.mul(h), W)`"
    assert quoted(statement.value.left.left) == "`dy.mul(h)`"
    assert quoted(statement.value.left.right) == "`W.T`"
