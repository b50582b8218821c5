"""Signs, terms and factors that are wrong, too many or missing."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_terms
from tests.dojo.explain.cells import mended

OAR = {"oar": (0, 6)}
PRODUCT = {"oar": (0, 3), "hull": (3, 6), "keel": (6,)}
PULL = "pull = oar @ hull + keel"


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
        ("swell = oar.exp()", "oar", "doar = -dswell * swell", OAR, "the sign is wrong"),
        ("swell = oar.exp()", "oar", "doar = dswell * swell + oar", OAR, "`oar` is added, and does not belong there"),
        ("swell = oar.exp()", "oar", "doar = dswell * swell * oar", OAR, "the factor `oar` does not belong there"),
        ("swell = oar.exp() + oar", "oar", "doar = dswell * oar.exp() * dswell", OAR, "added"),
        ("swell = oar**2", "oar", "doar = dswell * oar", OAR, "the factor `2` is missing"),
        ("swell = oar.exp()", "oar", "doar = swell", OAR, "`dswell`, the gradient that arrives, is missing"),
        ("swell = oar.tanh()", "oar", "doar = dswell * (1 - swell)", OAR, "`swell` must be squared"),
        (
            "swell = oar.tanh()",
            "oar",
            "doar = dswell * swell * (1 - swell)",
            OAR,
            "the derivative of `swell = oar.tanh()` belongs",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_terms, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found
