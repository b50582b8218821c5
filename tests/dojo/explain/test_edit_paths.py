"""Paths that are multiplied, averaged or added where they must be added or joined."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_paths
from tests.dojo.explain.cells import mended

OAR = {"oar": (0, 6)}
TWO = "swell = oar @ hull\nsurge = oar @ keel"
SHAPES = {"oar": (0, 3), "hull": (3, 6), "keel": (3, 6)}


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
        ("swell = oar.exp() + oar", "oar", "doar = dswell * oar.exp() * dswell", OAR, "must be added"),
        (TWO, "oar", "doar = (dswell @ hull.T) * (dsurge @ keel.T)", SHAPES, "are multiplied: what comes by several"),
        (TWO, "oar", "doar = (dswell @ hull.T + dsurge @ keel.T) / 2", SHAPES, "as in an average"),
        (TWO, "oar", "doar = 0.5 * (dswell @ hull.T) + 0.5 * (dsurge @ keel.T)", SHAPES, "as in an average"),
        (TWO, "oar", "doar = torch.stack([dswell @ hull.T, dsurge @ keel.T]).mean(0)", SHAPES, "averages the paths"),
        (TWO, "oar", "doar = (dswell + dsurge) @ (hull + keel).T", SHAPES, "`dswell @ hull.T` and `dsurge @ keel.T`"),
        (TWO, "oar", "doar = (dswell + dsurge) @ (keel + hull).T", SHAPES, "`dswell @ hull.T` and `dsurge @ keel.T`"),
        (
            f"{TWO}\nwash = oar @ rudder",
            "oar",
            "doar = (dswell + dsurge + dwash) @ (keel + hull + rudder).T",
            SHAPES | {"rudder": (3, 6)},
            "`dswell @ hull.T`, `dsurge @ keel.T` and `dwash @ rudder.T`",
        ),
        (
            "swell = oar[:, :3].exp()\nsurge = oar[:, 3:].tanh()",
            "oar",
            "doar = dswell * swell + dsurge * (1 - surge**2)",
            OAR,
            "put them side by side, with torch.cat",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_paths, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found


def test_a_factor_of_what_carries_no_gradient_is_no_average():
    code = "doar = dswell * (swell + 1) / 2"
    assert mended(edit_paths, "swell = torch.exp(oar) + 1", "oar", code, **OAR) == []
