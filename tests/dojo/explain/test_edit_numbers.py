"""Sizes, constants, powers and epsilons that stand where others belong."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_numbers
from tests.dojo.explain.cells import mended

OAR = {"oar": (0, 6)}


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
        (
            "swell = oar.sum(0, keepdim=True) / n",
            "oar",
            "doar = dswell / dswell.shape[1] * torch.ones_like(oar)",
            OAR,
            "stands where `n` belongs",
        ),
        (
            "swell = (keel * oar).sum() / keel.sum()",
            "oar",
            "doar = dswell * keel * torch.ones_like(oar) / n",
            {"oar": (0, 6), "keel": (6,)},
            "`n` stands where `keel.sum()` belongs",
        ),
        ("swell = oar**3", "oar", "doar = dswell * 2 * oar**2", OAR, "the factor 2 stands where 3 belongs"),
        ("swell = oar**3", "oar", "doar = dswell * 3 * oar**3", OAR, "`**3` stands where `**2` belongs"),
        ("swell = (oar**2 + 1e-5)**0.5", "oar", "doar = dswell * oar / (oar**2)**0.5", OAR, "epsilon"),
        (
            "many = keel.exp()\nswell = oar.sum(1) / many",
            "oar",
            "doar = (dswell / n)[:, None].expand(oar.shape)",
            {"oar": (0, 6), "keel": (0,)},
            "`n` stands where `many` belongs",
        ),
        (
            "swell = oar[range(n), 0].mean()",
            "oar",
            "doar = torch.zeros_like(oar)\ndoar[:, 0] = dswell / oar.shape[1]",
            OAR,
            "`oar.shape[1]` stands where `oar[range(n), 0].numel()` belongs",
        ),
        (
            "swell = oar[-1]",
            "oar",
            "doar = torch.zeros_like(oar)\ndoar[-2] = dswell",
            {"oar": (0, 3)},
            "the index `-2` is wrong: it picks another place than needed",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_numbers, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found
