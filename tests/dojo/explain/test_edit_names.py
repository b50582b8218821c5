"""Names, numbers and parts of a line that stand where others belong."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_names
from tests.dojo.explain.cells import mended

OAR = {"oar": (0, 6)}
PRODUCT = {"oar": (0, 3), "hull": (3, 6), "keel": (6,)}
PULL = "pull = oar @ hull + keel"


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
        (PULL, "oar", "doar = pull @ hull.T", PRODUCT, "the value `pull` stands where its gradient `dpull` belongs"),
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
        (
            "swell = oar.sum(0, keepdim=True)",
            "oar",
            "doar = oar * dswell",
            OAR,
            "the value `oar` stands where 1 belongs",
        ),
        (
            "swell = oar @ hull\ncrest = oar @ keel",
            "oar",
            "doar = dswell @ keel.T + dcrest @ hull.T",
            {"oar": (0, 3), "hull": (3, 3), "keel": (3, 3)},
            "`keel` and `hull` are swapped",
        ),
        (
            "swell = (oar**2).sum(1).sqrt()\ncrest = (oar**4).sum(1).sqrt()",
            "oar",
            "doar = dswell[:, None] * oar / crest[:, None] + dcrest[:, None] * 2 * oar**3 / crest[:, None]",
            OAR,
            "`crest[:, None]` stands where `swell[:, None]` belongs",
        ),
        ("swell = oar**3", "oar", "doar = dswell * 2 * oar**2", OAR, "the factor 2 stands where 3 belongs"),
        ("swell = oar**3", "oar", "doar = dswell * 3 * oar**3", OAR, "`**3` stands where `**2` belongs"),
        ("swell = (oar**2 + 1e-5)**0.5", "oar", "doar = dswell * oar / (oar**2)**0.5", OAR, "epsilon"),
        (
            "swell = oar.sin()",
            "oar",
            "doar = dswell * oar.tanh()",
            OAR,
            "where the derivative of `swell = oar.sin()` belongs",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_names, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found
