"""What is wrong with a loop is said: rounds, direction, order."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_loops
from tests.dojo.explain.cells import mended

PICKED = "swell = oar[range(n), 0]"
SHIFTED = "swell = oar[:, 0] * 0.25 + oar[:, 1] * 0.5 + oar[:, 2]"
BACK = "doar = torch.zeros_like(oar)\nback = dswell.clone()\n"


@pytest.mark.parametrize(
    ("forward", "code", "says"),
    [
        (
            PICKED,
            "doar = torch.zeros_like(oar)\nfor i in range(n - 1):\n    doar[i, 0] += dswell[i]",
            "leaves the last examples out",
        ),
        (
            PICKED,
            "doar = torch.zeros_like(oar)\nfor i in range(1, n):\n    doar[i, 0] += dswell[i]",
            "must start from 0",
        ),
        (
            PICKED,
            "doar = torch.zeros_like(oar)\nfor i in range(0, n, 2):\n    doar[i, 0] += dswell[i]",
            "leaves some examples out: it goes on by `2` each time",
        ),
        (
            PICKED,
            "doar = torch.zeros_like(oar)\nfor i in range(n):\n    doar[i, 0] += 2 * dswell[i]\n    doar /= 2",
            "`doar /= 2` is done in every round of the loop: it belongs behind the loop",
        ),
        (
            SHIFTED,
            f"{BACK}for i in range(3):\n    doar[:, i] = back\n    back = back * 0.5",
            "runs forwards: it must run backwards",
        ),
        (
            "swell = oar[:, 2] * 0.25 + oar[:, 1] * 0.5 + oar[:, 0]",
            f"{BACK}for i in reversed(range(3)):\n    doar[:, i] = back\n    back = back * 0.5",
            "runs backwards: it must run forwards",
        ),
        (
            SHIFTED,
            f"{BACK}for i in reversed(range(3)):\n    back = back * 0.5\n    doar[:, i] = back",
            "in each round it must come after it",
        ),
        (
            "swell = oar.sum(1)",
            "for i in range(3):\n    doar = dswell[:, None] * torch.eye(3)[i]",
            "keeps only what its last round gives, `dswell[:, None] * torch.eye(3)[i]`: `+=` belongs there",
        ),
        (
            "swell = oar.sum(1)",
            "start = torch.zeros_like(oar)\nfor i in range(3):\n    doar = start + dswell[:, None] * torch.eye(3)[i]",
            "keeps only what its last round gives",
        ),
    ],
)
def test_the_change_that_mends_the_loop_says_the_mistake(forward, code, says):
    found = mended(edit_loops, forward, "oar", code, oar=(0, 3))
    assert any(says in sentence for sentence in found), found
