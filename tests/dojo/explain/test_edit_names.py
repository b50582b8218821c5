"""Names and parts of a line that stand where others belong."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from autograder.dojo.explain import edit_names
from autograder.dojo.explain.repair import repaired
from tests.dojo.explain.cells import mended, trials

OAR = {"oar": (0, 6)}
PRODUCT = {"oar": (0, 3), "hull": (3, 6), "keel": (6,)}
PULL = "pull = oar @ hull + keel"


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
        (PULL, "oar", "doar = pull @ hull.T", PRODUCT, "the value `pull` stands where its gradient `dpull` belongs"),
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
        (
            "swell = oar.sin()",
            "oar",
            "doar = dswell * oar.tanh()",
            OAR,
            "where the derivative of `swell = oar.sin()` belongs",
        ),
        (
            PULL,
            "oar",
            "grad = dpull.tanh()\ndoar = grad @ hull.T",
            PRODUCT,
            "`grad` stands where `dpull` belongs",
        ),
        (
            "swell = oar.tanh()",
            "oar",
            "s = oar.sin()\ndoar = dswell * (s + s)",
            OAR,
            "`s + s` with `s = oar.sin()` stands where the derivative of `swell = oar.tanh()` belongs",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_names, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found


def test_what_the_loss_adds_as_it_is_has_the_gradient_1():
    code = "dswell = swell / crest"
    tried = [
        replace(trial, scene=replace(trial.scene, upstream={"crest": torch.ones(n, dtype=torch.float64)}))
        for n, trial in zip(
            (5, 4, 7), trials("swell = oar + 1\ncrest = swell + oar", "swell", code, oar=(0,)), strict=True
        )
    ]
    ones = [replace(trial, total=torch.ones_like(trial.total)) for trial in tried]
    found = repaired(code, "dswell", ones)
    assert found.sentence == "`swell / crest` stands where 1 belongs: `crest = swell + oar` adds `swell` as it is"


def test_a_factor_that_is_missing_comes_before_the_product_with_it():
    """`swell` is `oar / hull`: whoever wrote `oar` has forgotten to divide once more."""
    code = "dhull = -(dswell * oar / hull).sum(1, keepdim=True)"
    tried = trials("swell = oar / hull", "hull", code, oar=(0, 3), hull=(0, 1))
    said = repaired(code, "dhull", tried).sentence
    assert "`hull`" in said
    assert "`swell`" not in said
