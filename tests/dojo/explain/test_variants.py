"""Forward lines with one small change each."""

from __future__ import annotations

import torch

from autograder.dojo.explain.forward import Route, read_lines
from autograder.dojo.explain.variants import (
    neighbours,
    other_constants,
    other_names,
    without_epsilon,
    written_once,
)
from tests.dojo.explain.scenes import scene


def route(source: str) -> Route:
    lines = read_lines(source)
    return Route("oar", lines[-1].target, lines)


def test_a_very_small_constant_is_made_zero_and_no_other():
    assert without_epsilon(route("out = (oar + 1e-5) ** -0.5 * 2")) == ("out = (oar + 0.0) ** (-0.5) * 2",)
    assert without_epsilon(route("out = oar * 0.5")) is None


def test_a_function_and_an_operator_are_replaced_one_at_a_time():
    found = {(now, then): sources for now, then, sources in neighbours(route("a = oar.exp()\nout = a * hull"))}
    assert found["exp", "log"] == ("a = oar.log()", "out = a * hull")
    assert found["*", "+"] == ("a = oar.exp()", "out = a + hull")
    assert ("exp", "tanh") not in found


def test_bessels_correction_and_the_epsilon_are_other_constants():
    found = list(other_constants(route("out = oar.sum() / (n - 1) + 1e-5")))
    assert [kind for kind, *_ in found] == ["epsilon", "factor"]
    assert found[0][2] == ("out = oar.sum() / (n - 1) + 0.0",)
    assert found[1][1:] == (
        "n stands where `out = oar.sum() / (n - 1) + 1e-5` has n - 1",
        ("out = oar.sum() / n + 1e-05",),
    )


def test_a_name_is_left_out_as_a_term_and_as_a_factor_or_replaced():
    found = [(said, sources) for _, said, sources in other_names(route("out = oar * hull + hull"), [("hull", None)])]
    assert found == [("`hull` is missing", ("out = oar * hull + 0",)), ("`hull` is missing", ("out = oar * 1 + 1",))]
    ((kind, said, sources),) = other_names(route("out = oar * hull"), [("hull", "ship")])
    assert (kind, said, sources) == ("function", "`ship` stands where `hull` belongs", ("out = oar * ship",))


def test_an_element_picked_twice_keeps_one_of_its_contributions():
    here = scene("out = hull[port]", "hull")
    ((name, once),) = written_once(here, here.routes[0])
    arriving = here.upstream["out"]
    right = torch.zeros(4).double().index_add(0, here.names["port"], arriving)
    assert name == "hull"
    assert once[3] == arriving[1]  # picked once
    assert once[0] in (arriving[0], arriving[5])
    assert not torch.allclose(once, right)


def test_a_tensor_that_is_not_indexed_has_no_such_mistake():
    here = scene("out = oar * hull", "hull")
    assert list(written_once(here, here.routes[0])) == []
