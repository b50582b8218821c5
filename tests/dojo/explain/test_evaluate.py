"""A cell is evaluated as Python would run it, and refused where it could do anything but arithmetic."""

from __future__ import annotations

import ast

import pytest
import torch

from autograder.dojo.explain.evaluate import Evaluation
from autograder.dojo.explain.operations import UnknownError

NAMES = {"oar": torch.arange(12.0).reshape(3, 4), "seats": torch.tensor([2, 0, 0]), "n": 3, "torch": torch}


def run(source: str):
    evaluation = Evaluation(NAMES)
    evaluation.run(ast.parse(source).body)
    return evaluation.names["out"]


@pytest.mark.parametrize(
    "source",
    [
        "out = (oar**2).sum(1, keepdim=True) / n - 1e-5",
        "out = torch.zeros_like(oar)\nfor i in range(n):\n    out[i] += oar[seats[i]] * 2",
        "out = torch.zeros_like(oar).index_add_(0, seats, oar)",
        "out = oar.clone()\nout[range(n), seats] -= 1\nout /= n",
        "out = torch.einsum('ij,kj->ik', oar, oar) @ oar",
        "out = torch.stack([row * 2 for row in oar])",
        "out = sum(oar[i].outer(oar[i]) for i in range(n))",
        "out = torch.cat([oar[:, :2], -oar[:, 2:]], dim=1).T.reshape(4, -1)",
        "out = torch.where(oar > 3, oar, 0.0)",
        "a, b = oar.max(1)\nout = a + b",
        "out = torch.nn.functional.one_hot(seats, oar.shape[1]) * oar",
    ],
)
def test_the_value_is_that_of_python(source):
    names = {**NAMES, "oar": NAMES["oar"].clone()}
    exec(source, names)
    torch.testing.assert_close(run(source), names["out"])
    torch.testing.assert_close(NAMES["oar"], torch.arange(12.0).reshape(3, 4))


@pytest.mark.parametrize(
    "source",
    [
        "out = open('file')",
        "out = __import__('os')",
        "out = oar.__class__",
        "out = torch.load('file')",
        "out = oar.backward()",
        "out = oar.grad",
        "out = (lambda: 1)()",
        "out = torch.zeros(10**5, 10**5)",
        "out = torch.arange(1e12)",
        "out = oar.repeat(10**4, 10**4)",
        "out = oar[:, :, None, None, None].expand(3, 4, 300, 300, 300) * 1.0",
        "out = torch.outer(oar.repeat(100, 100).flatten(), oar.repeat(100, 100).flatten())",
        "out = torch.nn.functional.one_hot(seats * 10**9)",
        "out = 10**10**10",
        "out = [0] * 10**9",
        "for i in range(10**9):\n    out = i",
        "out = 0\nwhile out < 1:\n    out = 0",
        "for i in range(100):\n    for j in range(100):\n        out = i",
    ],
)
def test_anything_else_is_refused(source):
    with pytest.raises((UnknownError, AttributeError, OverflowError)):
        run(source)
