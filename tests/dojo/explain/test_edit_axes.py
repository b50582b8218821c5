"""Sums over other axes, sums that are missing, means, and transposes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autograder.dojo.explain import edit_axes
from autograder.dojo.explain.repair import repaired
from tests.dojo.explain.cells import mended, trials

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
        (
            "swell = oar[:, :2]\ncrest = oar[:, 2:]",
            "oar",
            "doar = torch.cat([dswell, dcrest[:, :2]], 0)",
            {"oar": (0, 4)},
            "`torch.cat([dswell, dcrest[:, :2]], 0)` puts the parts together along axis 0, expected axis 1",
        ),
        (
            "swell = oar + hull",
            "hull",
            "dhull = dswell.mean(1)",
            {"oar": (0, 4, 3), "hull": (0, 1, 3)},
            "a `mean` stands where a `sum` belongs: `dswell.mean(1)`; and keep the summed axis, with keepdim=True",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_axes, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found


def test_a_transpose_of_three_axes_that_raised_is_said():
    code, forward = "doar = dswell @ hull.T", "swell = oar @ hull"
    tried = trials(forward, "oar", "doar = dswell @ hull.transpose(1, 2)", oar=(0, 3, 4), hull=(0, 4, 5))
    raised = [replace(trial, raised=True) for trial in tried]
    assert repaired(code, "doar", raised).sentence == (
        "`hull.T` turns all axes around: only the last two must be, `hull.transpose(-2, -1)`"
    )
