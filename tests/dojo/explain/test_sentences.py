"""What the student is told of a guess or a factor, and the key that is the same in cases of any size."""

from __future__ import annotations

import math

import pytest
import torch

from autograder.dojo.explain.fit import CLOSE_64, Close, Guess
from autograder.dojo.explain.forward import product
from autograder.dojo.explain.sentences import explanation_of, factor_between
from tests.dojo.explain.scenes import scene

FINE = Close(CLOSE_64, math.inf)


class TestOfAGuess:
    def test_numbers_are_not_part_of_the_key(self):
        keys = {explanation_of(Guess("k", f"axis 0 (size {size})", torch.ones(1))).key for size in (32, 8)}
        assert keys == {"axis  (size )"}

    @pytest.mark.parametrize(
        ("ratio", "by"),
        [
            (1.0, "`x`"),
            (2.0, "`2*x`"),
            (-0.5, "`-0.5*x`"),
            (math.pi, "`x`; a constant factor is wrong too"),
            (1e6, "`x`; a constant factor is wrong too"),
        ],
    )
    def test_a_simple_factor_is_named_and_any_other_is_a_constant(self, ratio, by):
        found = explanation_of(Guess("function", "times `{}x`", torch.ones(1), any_factor=True), ratio)
        assert found.sentence == f"times {by}"
        assert [other.sentence for other in found.also or (found,)] == ["times `x`; a constant factor is wrong too"]

    def test_a_factor_of_one_stands_for_itself(self):
        found = explanation_of(Guess("function", "times `{}1`", torch.ones(1), any_factor=True), 3.0)
        assert found.sentence == "times `3`"


class TestOfAFactor:
    def said(self, ratio: float, *, n: int = 6, forward: str = "out = (oar * hull).mean(0)"):
        here = scene(forward, "oar", n=n)
        part = product(here, here.routes[0])
        return factor_between(ratio * part, part, "", here, here.routes, FINE)

    def test_none_is_right(self):
        assert self.said(1.0) is None
        assert self.said(1 + 1e-8) is None

    def test_minus_one_is_a_sign(self):
        assert (self.said(-1.0).kind, self.said(-1.0).sentence) == ("sign", "the gradient has the wrong sign")

    def test_a_size_is_named_with_the_line_that_divides_by_it(self):
        here = self.said(7.0, n=7)
        assert here.sentence.startswith("the gradient is too large by the factor oar.shape[0]")
        assert "`out = (oar * hull).mean(0)` divides by oar.shape[0]" in here.sentence

    def test_sizes_differ_and_the_key_does_not(self):
        assert self.said(7.0, n=7).key == self.said(9.0, n=9).key
        assert self.said(7.0, n=7).sentence == self.said(9.0, n=9).sentence

    def test_a_sign_and_a_size_are_both_told(self):
        assert self.said(-7.0, n=7).sentence.startswith("the sign is wrong, and the gradient is too large by")

    def test_the_vaguest_comes_last(self):
        found = self.said(4.0, n=4)
        assert found.also[-1].sentence == "the gradient is right up to a constant factor"
        assert "4" in found.also[-2].sentence

    def test_what_is_no_multiple_gets_none(self):
        here = scene("out = (oar * hull).mean(0)", "oar")
        part = product(here, here.routes[0])
        assert factor_between(part + part.sin(), part, "", here, here.routes, FINE) is None
