"""Operators, brackets, sums taken too early, functions and arguments in another order."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_order
from tests.dojo.explain.cells import mended

OAR = {"oar": (0, 6)}
PRODUCT = {"oar": (0, 3), "hull": (3, 6), "keel": (6,)}
PULL = "pull = oar @ hull + keel"


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
        (PULL, "hull", "dhull = torch.outer(oar.sum(0), dpull.sum(0))", PRODUCT, "summed before the product"),
        (PULL, "oar", "doar = dpull.sum(1, keepdim=True) * hull.sum(1)", PRODUCT, "summed before the product"),
        ("swell = oar.sin()", "oar", "doar = dswell * oar.sin()", OAR, "`sin` stands where `cos` belongs"),
        (
            "swell = torch.cat([oar[:, :3].exp(), oar[:, 3:]], 1)",
            "oar",
            "doar = torch.cat([dswell[:, 3:], dswell[:, :3] * swell[:, :3]], 1)",
            OAR,
            "wrong order",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_order, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found
