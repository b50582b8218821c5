"""Statements and parts."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_statements
from tests.dojo.explain.cells import mended

OAR = {"oar": (0, 6)}
PRODUCT = {"oar": (0, 3), "hull": (3, 6), "keel": (6,)}
PULL = "pull = oar @ hull + keel"


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
        (PULL, "hull", "dhull = oar[:2].T @ dpull[:2]", PRODUCT, "`[:2]` takes only a part of"),
        (
            "swell = -oar[torch.tensor([0, 1, 0])]",
            "oar",
            "doar = torch.zeros_like(oar)\ndoar[torch.tensor([0, 1, 0])] -= dswell",
            OAR,
            "`doar[torch.tensor([0, 1, 0])] -=`: several examples pick the same place",
        ),
        (
            "swell = oar[range(n), 0]",
            "oar",
            "doar = oar.clone()\ndoar[range(n), 0] += dswell",
            OAR,
            "this starts from `oar`",
        ),
        (
            "swell = oar[[0, 1, 0]]",
            "oar",
            "doar = torch.zeros_like(oar)\ndoar[[0, 1, 0]] += dswell",
            OAR,
            "add them all up",
        ),
        (
            "swell = oar.exp() + oar",
            "oar",
            "doar = dswell * oar.exp()\ndoar += dswell\ndoar += dswell",
            OAR,
            "is done twice",
        ),
        (
            "swell = oar[range(n), 0]",
            "oar",
            "doar = oar.index_put((torch.arange(n), torch.zeros(n).long()), dswell, accumulate=True)",
            OAR,
            "this starts from `oar`",
        ),
        (PULL, "oar", "doar = dpull[:, :3] @ hull.T[:3] + dpull[:, 3:] @ hull.T[:3]", PRODUCT, "`hull.T[3:]`"),
        (
            "pull = oar @ hull",
            "hull",
            "dhull = oar[0].T @ dpull[0]",
            {"oar": (0, 4, 3), "hull": (3, 6)},
            "takes only a part of the examples",
        ),
        (
            "seats = torch.tensor([0, 2, 0])\nswell = oar[:, seats]",
            "oar",
            "doar = torch.zeros_like(oar)\ndoar[:, seats] += dswell",
            {"oar": (0, 4)},
            "several examples pick the same place",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_statements, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found
