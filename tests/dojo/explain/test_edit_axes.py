"""Sums over other axes, sums that are missing, means, and transposes."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_axes
from tests.dojo.explain.cells import mended

OAR = {"oar": (0, 6)}
PRODUCT = {"oar": (0, 3), "hull": (3, 6), "keel": (6,)}
PULL = "pull = oar @ hull + keel"


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
        (PULL, "keel", "dkeel = dpull.mean(0)", PRODUCT, "a `mean` stands where a `sum` belongs"),
        (PULL, "keel", "dkeel = dpull", PRODUCT, "the sum over axis 0 is missing"),
        (PULL, "oar", "doar = dpull @ hull.reshape(6, 3)", PRODUCT, "`reshape` does not transpose `hull`"),
        (PULL, "hull", "dhull = dpull.T @ oar", PRODUCT, "wrong order"),
        (
            PULL,
            "hull",
            "dhull = torch.einsum('ni,mj->ij', oar, dpull)",
            PRODUCT,
            "`n` of 'ni,mj->ij' stands where `m` belongs",
        ),
        (
            "swell = torch.softmax(oar, 1)",
            "oar",
            "doar = swell * (dswell - (dswell * swell).sum(0, keepdim=True))",
            OAR,
            "summed over axis 0, expected axis 1",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_axes, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found
