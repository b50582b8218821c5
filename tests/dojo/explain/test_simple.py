"""Guessers of simple causes, each asked alone."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain import simple
from autograder.dojo.explain.question import asked, parts_of
from tests.dojo.explain.scenes import scene

HERE = scene("swell = oar.tanh()\ncrest = oar * 2", "oar", "swell", "crest")
OTHER = torch.rand(6, 4, dtype=torch.float64)
HERE.upstream["tide"] = OTHER
PARTS = parts_of(HERE)
TOTAL = sum(PARTS.values())

CAUSES = [
    (simple.not_finite, TOTAL / 0, "inf"),
    (simple.of_dtype, TOTAL.to(torch.float16), "rounded to float16"),
    (simple.of_another_shape, TOTAL.T, "expected shape (6, 4), found (4, 6)"),
    (simple.zeros, TOTAL * 0, "zero everywhere"),
    (simple.whole, -TOTAL, "the sign is wrong"),
    (simple.whole, PARTS["swell"], "missing"),
    (simple.constant, TOTAL * 7, "right up to a constant factor, 7"),
    (
        simple.of_another_tensor,
        OTHER,
        "this is `dtide`, the gradient of another tensor: `doar` is made from `dcrest` and `dswell`",
    ),
    (simple.plain_in_a_route, PARTS["swell"] + 3 * PARTS["crest"], "through `crest`"),
]


@pytest.mark.parametrize(("guesser", "found", "says"), CAUSES)
def test_a_cause_is_named_by_its_guesser(guesser, found, says):
    assert says in guesser(asked(found, HERE)).sentence


@pytest.mark.parametrize("guesser", simple.FIRST)
def test_nothing_is_said_of_other_numbers(guesser):
    assert guesser(asked(TOTAL + torch.randn(6, 4, dtype=torch.float64), HERE)) is None


def test_a_one_hot_that_is_forgotten_is_named():
    here = scene("swell = oar.logsumexp(1)\nloss = (swell - oar[range(n), port]).mean()", "oar")
    right = sum(parts_of(here).values())
    places = torch.zeros_like(right).scatter_(1, here.names["port"][:, None], float(here.upstream["loss"]) / 6)
    said = simple.wrong_paths(asked(right + places, here)).sentence
    assert said == (
        "right but for the places that `oar[range(n), port]` picks: the term of these, a one-hot of `port`, is missing"
    )
    assert "one-hot" not in str(simple.wrong_paths(asked(right + 2 * places, here)))
