"""What is missing in the derivative of a softmax is said."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain import edit_softmax
from tests.dojo.explain.cells import mended

SOFTMAX = "swell = torch.softmax(oar, 1)"


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("doar = swell * dswell", "subtracts a sum over axis 1, which is missing in `swell * dswell`"),
        ("doar = dswell * (swell * (1 - swell))", "is the derivative of each element by itself"),
        (
            "p = oar.exp()\ndoar = p * (dswell - (dswell * p).sum(1, keepdim=True))",
            "is not divided by its sum over axis 1",
        ),
        ("doar = swell * dswell * 2", None),
    ],
)
def test_what_is_missing_is_said(code, says):
    found = mended(edit_softmax, SOFTMAX, "oar", code, oar=(0, 6))
    assert (says in found[0]) if says else not found


def test_probabilities_are_known_by_their_sums():
    probs = torch.softmax(torch.randn(3, 4, 5, dtype=torch.float64), 1)
    assert edit_softmax.probability_axis(probs) == 1
    assert edit_softmax.probability_axis(2 * probs) is None
    assert edit_softmax.probability_axis(torch.ones(3, 1)) is None
    assert edit_softmax.probability_axis(torch.tensor([[2.0], [-1.0]])) is None


def test_the_diagonal_of_a_log_softmax_alone_is_said():
    code = "shares = swell.exp()\ndoar = dswell * (1 - shares)"
    (found,) = mended(edit_softmax, "swell = torch.log_softmax(oar, 1)", "oar", code, oar=(0, 6))
    assert found.endswith("subtracts a sum over axis 1, as in `dswell - shares * dswell.sum(1, keepdim=True)`")
