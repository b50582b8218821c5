"""Operators and brackets."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_operators
from tests.dojo.explain.cells import mended

OAR = {"oar": (0, 6)}


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
        ("swell = oar / n", "oar", "doar = dswell * n", OAR, "this is multiplied by `n`, where it must be divided"),
        (
            "swell = oar.sum(0, keepdim=True) / (n - 1)",
            "oar",
            "doar = torch.ones_like(oar) / n - 1 * dswell",
            OAR,
            "a bracket is missing",
        ),
        (
            "swell = oar * 2 + hull\ncrest = hull @ keel",
            "hull",
            "dhull = (dswell + dcrest) @ keel.T",
            {"oar": (0, 3), "hull": (0, 3), "keel": (3, 3)},
            "the brackets are wrong: `@ keel.T` takes `dcrest` alone, not `dswell` too",
        ),
        (
            "swell = oar.clamp(min=0)",
            "oar",
            "doar = dswell * (oar > 1)",
            OAR,
            "the limit of the comparison `oar > 1` is wrong: `oar > 0` belongs there",
        ),
        (
            "swell = (hull - oar).clamp(min=0)",
            "oar",
            "doar = -dswell * (hull - oar > hull)",
            {"oar": (0, 6), "hull": (0, 6)},
            "the limit of the comparison `hull - oar > hull` is wrong: `hull - oar > 0` belongs there",
        ),
        (
            "swell = oar * hull",
            "oar",
            "doar = dswell / hull",
            {"oar": (0, 6), "hull": (0, 6)},
            "this is divided by `hull`, where it must be multiplied",
        ),
        (
            "swell = oar * torch.exp(-hull)",
            "oar",
            "doar = dswell * hull.exp()",
            {"oar": (0, 6), "hull": (0, 6)},
            "this is multiplied by `hull.exp()`, where it must be divided",
        ),
        (
            "swell = oar * hull",
            "oar",
            "width = hull\ndoar = dswell / width",
            {"oar": (0, 6), "hull": (0, 6)},
            "this is divided by `width`, where it must be multiplied",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_operators, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found
