"""Constants that mean something in a line, and powers of named values."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain.factors import fits_shape, known_factors, named_values, of_powers
from autograder.dojo.explain.fit import CLOSE_64, distance
from autograder.dojo.explain.forward import Scene, double
from autograder.dojo.explain.graph import Graph
from tests.dojo.explain.scenes import scene


def known(here: Scene) -> dict[str, tuple[float, str]]:
    """The first factor of each symbol."""
    lines = tuple(line for route in here.routes for line in route.lines)
    found: dict[str, tuple[float, str]] = {}
    for factor in known_factors(here, here.routes, lines):
        found.setdefault(factor.symbol, (factor.value, factor.sentence))
    return found


class TestKnownFactors:
    def test_a_size_that_the_line_divides_by(self):
        found = known(scene("out = 1/n * oar.sum(0)", "oar", n=7))
        assert found["n"] == (7, "too large by the factor n: `out = 1/n * oar.sum(0)` divides by n")
        assert found["1/n"] == (1 / 7, "too small by the factor n")

    def test_a_mean_in_place_of_a_sum(self):
        found = known(scene("out = oar.sum(0)", "oar", n=7))
        assert found["1/oar.shape[0]"][1].endswith("a mean stands where a sum belongs")

    def test_bessels_correction_comes_first_where_a_line_has_it(self):
        here = scene("out = oar.var(0) * n", "oar", n=7)
        found = known(here)
        assert found["(n-1)/n"][0] == pytest.approx(6 / 7)
        assert "(Bessel's correction)" in found["(n-1)/n"][1]
        symbols = list(found)
        assert symbols.index("(n-1)/n") < symbols.index("oar.shape[0]")

    def test_a_constant_of_the_line(self):
        found = known(scene("out = 3 * oar", "oar"))
        assert found["1/3"] == (1 / 3, "right but for the factor 3 of `out = 3 * oar`, which is missing")

    def test_two_factors_of_the_line(self):
        found = known(scene("rate = 0.5\nout = rate * (3 * oar).mean(0)", "oar", n=7))
        assert found["1/(3 `rate`)"][0] == pytest.approx(1 / 1.5)
        said = "right but for the factors 3 and `1/oar.shape[0]` of `out = rate * (3 * oar).mean(0)`, which are missing"
        assert found["1/(3 `1/oar.shape[0]`)"] == (pytest.approx(7 / 3), said)

    def test_one_size_for_another(self):
        found = known(scene("out = oar.mean(0)", "oar", n=7))
        assert found["oar.shape[0]/oar.shape[1]"] == (7 / 4, "divided by oar.shape[1], expected oar.shape[0]")
        assert not [symbol for symbol in found if symbol.count("numel") > 1]

    def test_a_root(self):
        found = known(scene("out = oar / n**0.5", "oar", n=7))
        assert found["sqrt n"][0] == pytest.approx(7**0.5)
        assert "sqrt n" not in known(scene("out = oar / n", "oar", n=7))


@pytest.fixture(name="graph")
def _graph():
    here = scene("out = oar * hull.exp()", "oar")
    with double():
        yield Graph(here, here.routes[0])


def test_named_values_are_those_that_broadcast_and_what_arrives(graph):
    assert {"`oar`", "`hull`", "`out`", "`dout`"} == set(named_values(graph))


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (torch.ones(4), True),
        (torch.ones(6, 1), True),
        (torch.ones(6), False),
        (torch.ones(1), False),
        (torch.ones(4, dtype=torch.int64), False),
        (torch.tensor([1.0, 1.0, 1.0, float("nan")]), False),
        (3.0, False),
    ],
)
def test_what_can_be_a_factor(value, fits):
    assert fits_shape(value, torch.Size([6, 4])) is fits


class TestOfPowers:
    def first(self, graph, by, size):
        right = graph.terms[0].value
        mine = right * by
        for guess in of_powers(mine, torch.zeros_like(mine), right, "the gradient", graph, CLOSE_64, size):
            if distance(guess.value, mine) < 1e-12:
                return guess.sentence
        return None

    def test_one_factor_too_many_or_missing(self, graph):
        oar = graph.values["oar"]
        wrong = "the gradient is right but for a factor"
        assert self.first(graph, oar, 1) == f"{wrong} `oar`, which does not belong there"
        assert self.first(graph, oar**-2, 1) == f"{wrong} `oar**2`, which is missing"
        assert self.first(graph, oar**0.5, 1) == f"{wrong} `oar**0.5`, which does not belong there"

    def test_one_in_place_of_another(self, graph):
        by = graph.values["oar"] / graph.values["hull"]
        assert self.first(graph, by, 1) is None
        assert self.first(graph, by, 2) == "the gradient has `oar` where `hull` belongs"

    def test_a_constant_factor_beside_it_is_told(self, graph):
        assert self.first(graph, 3 * graph.values["oar"], 1).endswith("; a constant factor is wrong too")

    def test_of_anything_else_nothing_is_said(self, graph):
        assert self.first(graph, graph.values["oar"].sin() + 2, 1) is None
        assert self.first(graph, 3.0, 1) is None  # a constant is another mistake
