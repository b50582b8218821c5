"""What is wrong with which places count is said: copies, the diagonal alone, 1 minus a value."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_places
from tests.dojo.explain.cells import mended

HALVES = "swell = oar.view(n, 3, 2).sum(2)"
SCORES = "swell = oar @ hull"
MIXED = "swell = 0.3 * (share * oar + (1 - share) * hull)"


@pytest.mark.parametrize(
    ("forward", "code", "says"),
    [
        (HALVES, "doar = dswell.repeat(1, 2)", "each element must be repeated in its place, as repeat_interleave does"),
        (HALVES, "doar = dswell.tile(1, 2)", "each element must be repeated in its place, as repeat_interleave does"),
        (
            "swell = oar.view(n, 2, 3).sum(1)",
            "doar = dswell.repeat_interleave(2, dim=1)",
            "copies of the whole must stand one behind the other, as repeat puts them",
        ),
        (
            "swell = oar.sum()",
            "doar = torch.ones_like(oar) * (dswell * (hull / hull).T @ (hull / hull) / (36 * n)).trace()",
            "(36 * n)`: the sum of all its elements is needed",
        ),
        (
            SCORES,
            "doar = dswell.diagonal()[:, None] * hull.T",
            "all of its elements are needed, as in `dswell @ hull.T`",
        ),
        (MIXED, "doar = 0.3 * dswell * (1 - share)", "`1 - share` stands where `share` belongs"),
    ],
)
def test_the_change_that_mends_it_says_the_mistake(forward, code, says):
    shapes = {"oar": (0, 6), "hull": (6, 0) if forward == SCORES else (0, 6), "share": (0, 6)}
    found = mended(edit_places, forward, "oar", code, **shapes)
    assert any(says in sentence for sentence in found), found


def test_two_that_are_swapped_are_named_together():
    forward = "swell = share * oar + (1 - share) * torch.tanh(oar)"
    code = "doar = dswell * (1 - share) + dswell * share * (1 - torch.tanh(oar)**2)"
    found = mended(edit_places, forward, "oar", code, oar=(0, 6), share=(0, 6))
    assert found[0] == "`share` and `1 - share` are swapped: each stands where the other belongs"
