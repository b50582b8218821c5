"""A wrong gradient with what is known of it."""

from __future__ import annotations

import torch

from autograder.dojo.explain.fit import Guess
from autograder.dojo.explain.question import asked, parts_of
from tests.dojo.explain.scenes import scene


def test_a_right_gradient_and_what_is_no_gradient_raise_no_question():
    here = scene("swell = oar.tanh()\ncrest = oar * 2", "oar", "swell", "crest")
    total = sum(parts_of(here).values())
    assert asked(total, here) is None
    assert asked("text", here) is None
    assert asked(total * 1j, here) is None


def test_what_a_route_contributes_in_place_of_the_right_part():
    here = scene("swell = oar.tanh()\ncrest = oar * 2", "oar", "swell", "crest")
    parts = parts_of(here)
    question = asked(parts["swell"] + 3 * parts["crest"], here)
    rests = {route.target: rest for route, rest in question.rests.items()}
    torch.testing.assert_close(rests["crest"], 3 * parts["crest"])
    assert question.fits([Guess("factor", "thrice", 3 * parts["crest"])], rests["crest"]).sentence == "thrice"
    assert question.fits([Guess("factor", "twice", 2 * parts["crest"])], rests["crest"]) is None
    assert not question.is_rounding
