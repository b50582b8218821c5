"""Sums left out, over other axes, or over terms that cancel, each made by hand."""

from __future__ import annotations

import math

import pytest
import torch

from autograder.dojo.explain.fit import CLOSE_64, Close
from autograder.dojo.explain.forward import double, product
from autograder.dojo.explain.graph import Graph
from autograder.dojo.explain.sums import axes_text, of_nothing, of_reductions, of_shares, of_sums
from tests.dojo.explain.scenes import scene

FINE = Close(CLOSE_64, math.inf)


def fitting(mine, guesses):
    return [(guess.kind, guess.sentence) for guess in guesses if FINE.fits(mine, guess)]


def test_axes_are_counted_from_0():
    assert (axes_text((0,)), axes_text((0, 2))) == ("axis 0", "axes 0 and 2")


class TestOfSums:
    SAID = "`hull` was broadcast along axis 0 (size 6) of `out`"

    def wide(self, here):
        return here.upstream["out"] * here.names["oar"]

    def test_the_sum_is_missing(self):
        here = scene("out = oar * hull", "hull")
        wide = self.wide(here)
        guesses = [guess for guess in of_sums(here, here.routes[0]) if guess.kind == "not-summed"]
        assert [guess.sentence for guess in guesses] == [f"the sum over axis 0 is missing: {self.SAID}"]
        assert torch.allclose(guesses[0].value, wide)

    def test_it_is_over_the_other_axis(self):
        here = scene("out = oar * hull", "hull", n=4)
        mine = self.wide(here).sum(1)
        found = fitting(mine, of_sums(here, here.routes[0]))
        assert found == [("wrong-axis", f"summed over axis 1, expected axis 0: {self.SAID.replace('6', '4')}")]

    def test_without_a_broadcast_there_is_none(self):
        here = scene("out = oar * hull", "oar")
        assert list(of_sums(here, here.routes[0])) == []


@pytest.fixture(name="norm")
def _norm():
    here = scene("off = oar * oar.sum(1, keepdim=True)", "oar")
    with double():
        yield Graph(here, here.routes[0])


class TestOfReductions:
    def guesses(self, graph, label):
        (term,) = (term for term in graph.terms if label in term.label)
        return list(of_reductions(graph, (term,), f" {term.label}")), term

    def test_the_sum_of_one_path_is_missing(self, norm):
        guesses, term = self.guesses(norm, "sum")
        mine = norm.scene.upstream["off"] * norm.values["oar"]
        found = fitting(mine, guesses)
        assert ("not-summed", f"in the gradient {term.label} the sum over axis 1 is missing") in found

    def test_the_sum_of_one_path_is_over_the_other_axis(self, norm):
        guesses, term = self.guesses(norm, "sum")
        mine = (norm.scene.upstream["off"] * norm.values["oar"]).sum(0, keepdim=True).expand(6, 4)
        found = fitting(mine, guesses)
        assert ("wrong-axis", f"in the gradient {term.label} the sum is over axis 0, expected axis 1") in found

    def test_a_factor_within_the_sum_is_missing(self, norm):
        guesses, term = self.guesses(norm, "sum")
        mine = norm.scene.upstream["off"].sum(1, keepdim=True).expand(6, 4)
        sentence = f"in the gradient {term.label} a factor `oar` is missing in the sum over axis 1"
        assert ("function", sentence) in fitting(mine, guesses)

    def test_several_paths_at_once_are_not_looked_at(self, norm):
        assert list(of_reductions(norm, norm.terms, "")) == []


def test_a_share_of_another_axis():
    here = scene("out = oar.logsumexp(1)", "oar")
    with double():
        graph = Graph(here, here.routes[0])
        right = here.value.softmax(1)
        guesses = list(of_shares(torch.zeros(6, 4), right, "the gradient", graph, FINE))
        found = fitting(here.value.softmax(0), guesses)
    said = "in the gradient the exp of the tensor is divided by its sum over axis 0, expected axis 1"
    assert found == [("wrong-axis", said)]


class TestOfNothing:
    FORWARD = "side = oar * 2\nmid = oar * hull\nout = mid - mid.mean(0, keepdim=True)"

    def found(self, mine, here):
        total = product(here, here.routes[0])
        with double():
            return [(guess.kind, guess.sentence) for guess in of_nothing(mine, total, here, CLOSE_64)]

    def test_the_terms_cancel_without_what_arrives(self):
        here = scene(self.FORWARD, "mid")
        found = self.found(torch.zeros(6, 4).double(), here)
        assert found[0] == ("upstream", "this is nearly zero, for its terms cancel: dout is missing")

    def test_a_sum_over_an_axis_along_which_it_vanishes(self):
        here = scene(self.FORWARD, "mid")
        mine = product(here, here.routes[0]).sum(0, keepdim=True)
        (first, *_) = self.found(mine, here)
        assert first == ("wrong-axis", "a sum too many: `mid` has its own gradient at every place of axis 0")

    def test_what_does_not_cancel_is_no_nothing(self):
        here = scene(self.FORWARD, "mid")
        assert self.found(-product(here, here.routes[0]), here) == []
