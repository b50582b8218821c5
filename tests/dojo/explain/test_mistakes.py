"""Each usual mistake, made by hand, is among the guesses with its own kind and sentence."""

from __future__ import annotations

import math

import torch

from autograder.dojo.explain.fit import CLOSE_64, Close
from autograder.dojo.explain.forward import Scene, product
from autograder.dojo.explain.mistakes import (
    as_it_arrived,
    of_a_route,
    of_places,
    of_shape,
    of_the_whole,
    without_upstream,
)
from tests.dojo.explain.scenes import scene

FINE = Close(CLOSE_64, math.inf)


def fitting(mine, guesses):
    return [(guess.kind, guess.sentence) for guess in guesses if FINE.fits(mine, guess)]


class TestOfTheWhole:
    A, B, C = (torch.rand(4, 4, generator=torch.Generator().manual_seed(i)).double() for i in range(3))

    def guesses(self):
        return of_the_whole(self.A + self.B + self.C, {"a": self.A, "b": self.B, "c": self.C})

    def test_the_sign_of_all_or_of_one_route(self):
        assert fitting(-self.A - self.B - self.C, self.guesses()) == [("sign", "the sign is wrong")]
        one = fitting(self.A - self.B + self.C, self.guesses())
        assert one == [("sign", "the gradient through `b` has the wrong sign")]

    def test_one_route_or_two_are_missing(self):
        assert fitting(self.A + self.C, self.guesses()) == [("path-missing", "the gradient through `b` is missing")]
        two = fitting(self.C, self.guesses())
        assert two == [("path-missing", "the gradient through `a` and `b` is missing")]

    def test_a_route_is_counted_twice(self):
        found = fitting(self.A + self.B + 2 * self.C, self.guesses())
        assert found == [("path-twice", "the gradient through `c` is counted twice")]

    def test_a_transpose(self):
        found = fitting((self.A + self.B + self.C).T, self.guesses())
        assert found == [("transpose", "this is the transpose of the gradient")]


def test_right_numbers_in_another_shape():
    here = scene("out = oar * hull.sum()", "oar")
    total = product(here, here.routes[0])
    kinds = {guess.value.shape: guess.kind for guess in of_shape(total, here)}
    assert kinds[24,] == "reshape"
    assert kinds[4, 6] == "transpose"
    assert kinds[1, 4] == kinds[6, 1] == kinds[4,] == "wrong-axis"
    summed = scene("out = oar.sum(0, keepdim=True) * ship", "oar")
    row = torch.ones(1, 4).double()
    assert ("keepdim", (4,)) in [(guess.kind, tuple(guess.value.shape)) for guess in of_shape(row, summed)]


def test_the_line_alone_without_what_arrives():
    here = scene("out = oar * hull", "oar")
    found = fitting(here.names["hull"].expand(6, 4), without_upstream(here, here.routes[0]))
    assert [kind for kind, _ in found] == ["upstream"]
    assert found[0][1].startswith("dout is missing: this is the derivative of `out = oar * hull` alone")


def test_what_arrives_without_the_line():
    here = scene("out = oar * hull", "oar")
    found = fitting(here.upstream["out"], as_it_arrived(here, here.routes[0]))
    assert found == [("local", "the derivative of `out = oar * hull` is missing: this is dout as it arrived")]


def test_what_arrives_where_the_line_does_not_pick():
    here = scene("low = oar - 1\nout = low.relu()", "low")
    part, arriving = product(here, here.routes[0]), here.upstream["out"]
    wrong = arriving.clone()
    wrong[0] = 0
    assert bool((wrong != part).any())
    found = fitting(wrong, of_places(here, here.routes[0], wrong, part))
    assert found == [("elsewhere", "dout stands at places that `out = low.relu()` does not pick; there it must be 0")]
    assert list(of_places(here, here.routes[0], part, part)) == []


class TestOfARoute:
    def first(self, here: Scene, mine: torch.Tensor) -> tuple[str, str]:
        (route,) = here.routes
        return fitting(mine, of_a_route(here, route, product(here, route)))[0]

    def test_an_epsilon_is_left_out(self):
        here = scene("out = (oar + 1e-4)**-0.5", "oar")
        kind, said = self.first(here, here.upstream["out"] * -0.5 * here.names["oar"] ** -1.5)
        assert (kind, "small constant" in said) == ("epsilon", True)

    def test_another_gradient_of_the_same_shape(self):
        here = scene("side = oar.tanh()\nmid = oar * hull\nout = mid.exp()", "mid", "side")
        mine = here.upstream["side"] * here.names["out"]
        assert self.first(here, mine) == ("other-upstream", "this is made from dside; `out = mid.exp()` needs dout")

    def test_two_that_are_equal_are_named_together(self):
        here = scene("side = oar.tanh()\nkeel = side * 1\nmid = oar * hull\nout = mid.exp()", "mid", "side", "keel")
        here.upstream["keel"].copy_(here.upstream["side"])
        _, said = self.first(here, here.upstream["side"] * here.names["out"])
        assert said.startswith("this is made from dside or dkeel; ")

    def test_a_smaller_gradient_that_broadcasts(self):
        here = scene("side = hull.tanh()\nmid = oar * hull\nout = mid.exp()", "mid", "side")
        mine = here.upstream["side"] * here.names["out"]
        assert self.first(here, mine) == ("other-upstream", "this is made from dside; `out = mid.exp()` needs dout")

    def test_a_square_gradient_turned_the_wrong_way(self):
        here = scene("side = ship * 2\nout = side @ ship", "side")
        mine = here.upstream["out"].T @ here.names["ship"].T
        assert self.first(here, mine)[1].startswith("dout is transposed the wrong way in the derivative of")

    def test_a_square_matrix_turned_the_wrong_way(self):
        here = scene("out = oar @ ship", "oar")
        assert self.first(here, here.upstream["out"] @ here.names["ship"])[1].startswith("`ship` is transposed")

    def test_the_value_stands_where_its_gradient_belongs(self):
        here = scene("out = oar @ ship", "oar")
        found = self.first(here, here.names["out"] @ here.names["ship"].T)
        assert found == ("upstream", "dout is missing: `out` itself stands in its place")

    def test_another_tensor_stands_in_the_line(self):
        here = scene("keel = ship * ship\nout = oar @ ship", "oar")
        kind, said = self.first(here, here.upstream["out"] @ here.names["keel"].T)
        assert (kind, said.startswith("`keel` stands where `ship` belongs")) == ("function", True)
