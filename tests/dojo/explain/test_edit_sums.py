"""What is summed too early."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_sums
from tests.dojo.explain.cells import mended

PRODUCT = {"oar": (0, 3), "hull": (3, 6), "keel": (6,)}
PULL = "pull = oar @ hull + keel"


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
        (PULL, "hull", "dhull = torch.outer(oar.sum(0), dpull.sum(0))", PRODUCT, "summed before the product"),
        (PULL, "oar", "doar = dpull.sum(1, keepdim=True) * hull.sum(1)", PRODUCT, "summed before the product"),
        (PULL, "hull", "dhull = oar.sum(0)[:, None] * dpull.sum(0)", PRODUCT, "the products, `oar.T @ dpull`"),
        (
            "pull = oar @ mast",
            "mast",
            "dmast = oar.mean(0) * dpull.sum()",
            {"oar": (0, 3), "mast": (3,)},
            "`oar.T @ dpull`",
        ),
        (
            "swell = oar * hull",
            "hull",
            "both = oar.sum(1, keepdim=True)\ndhull = dswell.sum(1, keepdim=True) * both",
            {"oar": (0, 4), "hull": (0, 1)},
            "multiply first, then sum the products, `(dswell * oar).sum(1, keepdim=True)`",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_sums, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found
