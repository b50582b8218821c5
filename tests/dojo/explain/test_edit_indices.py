"""Indices: other places, one place only, another loop's index."""

from __future__ import annotations

import pytest

from autograder.dojo.explain import edit_indices
from tests.dojo.explain.cells import mended

OAR = {"oar": (0, 6)}
START = "doar = torch.zeros_like(oar)\n"


@pytest.mark.parametrize(
    ("forward", "tensor", "code", "leaves", "says"),
    [
        (
            "swell = oar[range(n), 0]",
            "oar",
            "doar = torch.zeros_like(oar)\ndoar[range(n), 1] = dswell",
            OAR,
            "picks other places than the line does",
        ),
        (
            "seats = torch.arange(n) % 3\nswell = F.cross_entropy(oar, seats)",
            "oar",
            "doar = dswell * (torch.softmax(oar, 1) - 1) / n",
            OAR,
            "stands everywhere: it belongs to one place of each row only, `F.one_hot(seats, oar.shape[1])`",
        ),
        (
            "swell = oar * 2",
            "oar",
            "doar = torch.zeros_like(oar)\nfor i in range(n):\n    doar[i] = 2 * dswell[0]",
            OAR,
            "the index `0` of `dswell[0]` stands where `i` belongs",
        ),
        (
            "seats = torch.arange(n) % 3\nswell = oar[range(n), seats]",
            "oar",
            START + "doar[range(n), seats + 1] = dswell",
            OAR,
            "the index `seats + 1` is shifted",
        ),
        (
            "seats = torch.arange(n) % 3\nswell = oar[range(n), seats]",
            "oar",
            START + "for i in range(n):\n    doar[i] = dswell[i]",
            OAR,
            "the index `[i]` picks other places than the line does, `[i, seats[i]]`",
        ),
        (
            "seats = torch.arange(n) % 3\nrows = torch.arange(n).flip(0)\nswell = oar[rows, seats]",
            "oar",
            START + "for i in range(n):\n    doar[i, seats[i]] += dswell[i]",
            OAR,
            "the index `i` picks other places than the line does: `rows[i]` belongs there",
        ),
        (
            "seats = torch.arange(n) % 3\nrows = torch.arange(n).flip(0)\nswell = oar[rows, seats]",
            "oar",
            START + "doar[rows, oar.argmax(1)] = dswell",
            OAR,
            "`seats` belongs there",
        ),
        (
            "swell = oar * 2",
            "oar",
            START + "for i in range(n):\n    doar[i, 0] += 2 * dswell[i, 0]",
            OAR,
            "takes place 0 of axis 1 only",
        ),
        (
            "swell = oar * 2",
            "oar",
            START + "for i in range(n):\n    doar[i, -1] += 2 * dswell[i, -1]",
            OAR,
            "takes place -1 of axis 1 only",
        ),
        (
            "swell = oar * 2",
            "oar",
            START + "for i in range(n):\n    doar[i] = 2 * dswell[-1 - i]",
            OAR,
            "the index `-1 - i` of `dswell[-1 - i]` stands where `i` belongs",
        ),
        (
            "seats = torch.arange(n) % 3\nswell = F.cross_entropy(oar, seats, reduction='sum')",
            "oar",
            "doar = torch.softmax(oar, 1)\ndoar[:, seats] -= 1\ndoar *= dswell",
            OAR,
            "the index `[:, seats]` picks other places than the line does, `[range(seats.shape[0]), seats]`",
        ),
        (
            "seats = torch.arange(n) % 3\nswell = oar[range(n), seats]",
            "oar",
            "doar = torch.zeros_like(oar)\ndoar[:, seats] = dswell.unsqueeze(1)",
            OAR,
            "the index `[:, seats]` picks other places than the line does, `[range(n), seats]`",
        ),
    ],
)
def test_the_change_that_mends_the_cell_says_the_mistake(forward, tensor, code, leaves, says):
    found = mended(edit_indices, forward, tensor, code, **leaves)
    assert any(says in sentence for sentence in found), found
