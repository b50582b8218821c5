"""Guessers of causes that many formulas come close to, each asked alone."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain import similar
from autograder.dojo.explain.question import asked, parts_of
from tests.dojo.explain.scenes import scene

HERE = scene("swell = oar.tanh()\ncrest = oar * 2", "oar", "swell", "crest")
TOTAL = sum(parts_of(HERE).values())
ALONE = scene("swell = oar.tanh()", "oar", "swell")
PICKED = scene("swell = oar[:, 0]", "oar", "swell")
PICK = sum(parts_of(PICKED).values())
TWO = scene("swell = oar[:, 0]\ncrest = oar * 2", "oar", "swell", "crest")
ONE = parts_of(TWO)["swell"]
BOTH, SPREAD = sum(parts_of(TWO).values()), ONE.sum(1, keepdim=True).expand(6, 4)
STRAY = torch.randn(6, 4, dtype=torch.float64)

CAUSES = [
    (similar.rearranged, TOTAL.flip(0), HERE, "the right numbers at the wrong places"),
    (similar.places, PICK + (PICK == 0), PICKED, "must have gradient 0"),
    (similar.places, PICK.sum(1, keepdim=True).expand(6, 4), PICKED, "stands at all places of axis 1"),
    (similar.places, PICK.sum(1, keepdim=True).expand(6, 4) / 4, PICKED, "shared out evenly among all places"),
    (similar.places, BOTH + SPREAD - ONE, TWO, "the gradient through `swell` stands at all places of axis 1"),
    (similar.one_of_each, STRAY * (torch.arange(4) == 1), ALONE, "one place only along axis 1 holds a number"),
    (similar.beside, STRAY, PICKED, "that the next step does not use"),
]


@pytest.mark.parametrize(("guesser", "found", "here", "says"), CAUSES)
def test_a_cause_is_named_by_its_guesser(guesser, found, here, says):
    assert says in guesser(asked(found, here)).sentence


@pytest.mark.parametrize("guesser", similar.LAST)
def test_nothing_is_said_of_other_numbers(guesser):
    assert guesser(asked(TOTAL + torch.randn(6, 4, dtype=torch.float64), HERE)) is None


def test_numbers_of_another_mistake_are_no_wrong_places():
    assert similar.places(asked(BOTH + (ONE == 0) * STRAY, TWO)) is None
