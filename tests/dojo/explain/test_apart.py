"""Terms that each carry one path are told apart, where several of them are wrong."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain.apart import paths_of
from autograder.dojo.explain.reason import reason
from autograder.dojo.explain.repair import read_cell
from tests.dojo.explain.cells import trials

FORWARD = "span = 3 * oar\npull = oar * hull"
SHAPES = {"oar": (0, 3), "hull": (0, 3)}


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("doar = 2 * dspan + dpull * oar", 2),
        ("doar = 3 * dspan + dpull * oar", 0),  # one that is wrong is found in the whole
        ("one = 2 * dspan\nother = dpull * oar\ndoar = one - other", 2),
        ("doar = 2 * dspan + dpull * oar + oar", 0),  # a third term carries no path
        ("doar = 2 * dspan * dpull", 0),
        ("doar = (dspan + dpull) * 2 + dpull", 0),  # two paths in one term
    ],
)
def test_two_wrong_terms_are_cells_of_their_own(code, wrong):
    read = read_cell(code, "doar", trials(FORWARD, "oar", code, **SHAPES))
    with torch.no_grad():
        found = paths_of(*read)
    assert len(found) == wrong
    for cell, tried in found:
        assert len(cell.trial.scene.routes) == 1
        assert len(tried) == 3


def test_what_is_wrong_with_each_is_said():
    code = "doar = 2 * dspan + dpull * oar"
    found = reason(trials(FORWARD, "oar", code, **SHAPES), code, "doar").sentence
    assert found == "the factor 2 stands where 3 belongs; and `oar` stands where `hull` belongs"
