"""The forward pass, read: lines, routes and contributions, with autograd as the oracle."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain.forward import (
    Line,
    double,
    find_routes,
    in_float64,
    product,
    pulled_back,
    read_lines,
    sum_to,
    unsummed,
)
from tests.dojo.explain.scenes import scene

FORWARD = "mid = oar.mean(0, keepdim=True)\noff = oar - mid\nout = off * hull"


class TestReadLines:
    def test_a_line_has_its_target_its_names_and_its_text(self):
        assert read_lines("a = b @ c  # why\n\nd = a.sum()") == (
            Line("a", frozenset("bc"), "a = b @ c"),
            Line("d", frozenset("a"), "d = a.sum()"),
        )

    @pytest.mark.parametrize("source", ["a = b\nprint(a)", "a, *b = c", "a += b", "a = (", "x[0] = 1", "a\0 = b"])
    def test_anything_but_assignments_is_no_forward_cell(self, source):
        assert read_lines(source) == ()


class TestFindRoutes:
    def routes(self, tensor, *stops):
        found = find_routes(read_lines(FORWARD), tensor, set(stops))
        return [(route.target, [line.target for line in route.lines]) for route in found]

    def test_a_route_ends_at_the_next_tensor_with_a_gradient(self):
        assert self.routes("oar", "mid", "off") == [("off", ["off"]), ("mid", ["mid"])]

    def test_values_without_a_gradient_are_on_the_way(self):
        assert self.routes("oar", "off") == [("off", ["mid", "off"])]

    def test_the_last_target_always_ends_a_route(self):
        assert self.routes("oar") == [("out", ["mid", "off", "out"])]
        assert self.routes("hull") == [("out", ["out"])]

    def test_what_is_not_used_has_none(self):
        assert self.routes("ship") == []

    def test_few_lines_are_quoted_and_many_are_named_by_their_ends(self):
        few, many = (find_routes(read_lines(FORWARD), "oar", stops)[0].text for stops in ({"off"}, ()))
        assert few == "`mid = oar.mean(0, keepdim=True); off = oar - mid`"
        assert many == "the lines from `mid` to `out`"


class TestProduct:
    def test_it_is_the_gradient_that_autograd_finds(self):
        here = scene(FORWARD, "oar")
        leaf = here.names["oar"].clone().requires_grad_()
        out = (leaf - leaf.mean(0, keepdim=True)) * here.names["hull"]
        (truth,) = torch.autograd.grad(out, leaf, here.upstream["out"])
        torch.testing.assert_close(product(here, here.routes[0]), truth, rtol=1e-12, atol=1e-12)

    def test_in_float64_whatever_the_notebook_has_unless_rounded(self):
        here = scene(FORWARD, "oar", dtype=torch.float32)
        assert product(here, here.routes[0]).dtype == torch.float64
        assert product(here, here.routes[0], rounded=True).dtype == torch.float32

    def test_of_another_input_at_other_values_and_through_other_lines(self):
        here = scene("out = oar * hull", "oar")
        (route,) = here.routes
        arriving = here.upstream["out"]
        assert product(here, route, of="hull").allclose((arriving * here.names["oar"]).sum(0))
        assert product(here, route, at={"hull": torch.ones(4).double()}).equal(arriving)
        assert product(here, route, sources=("out = oar * 3",)).allclose(3 * arriving)
        assert product(here, route, arriving=torch.ones(6, 4).double()).equal(here.names["hull"].expand(6, 4))

    def test_a_line_that_raises_gives_none(self):
        here = scene("out = oar * hull", "oar")
        assert product(here, here.routes[0], sources=("out = oar @ oar",)) is None


def test_the_gradient_of_what_does_not_depend_on_the_leaf_is_none():
    leaf, other = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    assert pulled_back(other * 2, leaf, torch.ones(2)) is None
    assert pulled_back(leaf * 2, leaf, torch.tensor([1.0, 3.0])).tolist() == [2.0, 6.0]


class TestUnsummed:
    def test_its_sum_over_the_broadcast_axes_is_the_contribution(self):
        here = scene("out = oar * hull", "hull")
        wide = unsummed(here, here.routes[0])
        assert wide.shape == (6, 4)
        torch.testing.assert_close(wide.sum(0), product(here, here.routes[0]))

    def test_of_what_is_not_broadcast_is_none(self):
        here = scene("out = oar * hull", "oar")
        assert unsummed(here, here.routes[0]) is None


def test_sum_to_sums_expands_or_raises():
    assert sum_to(torch.ones(3, 2), (1, 2)).tolist() == [[3.0, 3.0]]
    assert sum_to(torch.ones(1, 2), (3, 2)).shape == (3, 2)
    with pytest.raises(RuntimeError):
        sum_to(torch.ones(3), (2,))


def test_only_floats_become_float64():
    assert in_float64(torch.ones(1, dtype=torch.float16)).dtype == torch.float64
    assert in_float64(torch.ones(1, dtype=torch.int64)).dtype == torch.int64
    assert in_float64("text") == "text"


def test_double_leaves_dtype_and_random_state_as_they_were():
    before = torch.get_rng_state()
    with torch.no_grad(), double():
        assert torch.rand(1).dtype == torch.float64
        assert torch.is_grad_enabled()
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_rng_state().equal(before)
