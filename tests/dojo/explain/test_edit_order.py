"""Functions, arguments and entries in another order."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_order
from tests.dojo.explain.cells import mended

OAR = {"oar": (0, 6)}


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
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
