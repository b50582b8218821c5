"""Mistakes in one path of a fused line: the wrong path is found, and what is wrong with it."""

from __future__ import annotations

import math

import pytest
import torch

from autograder.dojo.explain.cascade import explain
from autograder.dojo.explain.fit import CLOSE_64, Close
from autograder.dojo.explain.forward import Scene, double, find_routes, read_lines
from autograder.dojo.explain.graph import Graph
from autograder.dojo.explain.inside import of_factor, of_inside, of_the_way, parts_of_graph, wrong_part
from tests.dojo.explain.scenes import scene

FINE = Close(CLOSE_64, math.inf)
FORWARD = "out = (oar - oar.mean(0, keepdim=True)) * oar.exp() * hull"


@pytest.fixture(name="graph")
def _graph():
    here = scene(FORWARD, "oar")
    with double():
        yield Graph(here, here.routes[0])


def value(graph, *labels):
    return sum(term.value for term in graph.terms if term.label.startswith(labels))


def test_parts_are_single_paths_then_sets_of_them_then_all(graph):
    parts = list(parts_of_graph(graph))
    assert [len(part.terms) for part in parts] == [1, 1, 1, 2, 2, 2, 3]
    assert parts[-1].where == ""
    assert " and " in parts[3].where
    torch.testing.assert_close(parts[0].value + parts[5].value, parts[-1].value)
    assert [line.target for line in parts[0].lines] == ["out"]


@pytest.mark.parametrize(
    ("factor", "kind", "words"),
    [
        (0, "path-missing", "is missing"),
        (-1, "sign", "has the wrong sign"),
        (2, "path-twice", "is counted twice"),
        (3, None, ""),
    ],
)
def test_the_one_path_with_a_wrong_factor(graph, factor, kind, words):
    whole, one = sum(term.value for term in graph.terms), value(graph, "through `oar.exp")
    part, ratio = wrong_part(whole + (factor - 1) * one, graph, FINE)
    assert part.where == " through `oar.exp()`"
    assert ratio == pytest.approx(factor, abs=1e-9)
    guess = of_factor(part, ratio, FINE)
    assert (guess and guess.kind) == kind
    assert guess is None or guess.sentence == f"the gradient through `oar.exp()` {words}"


def test_no_path_is_wrong_where_none_or_all_are(graph):
    whole = sum(term.value for term in graph.terms)
    assert wrong_part(whole, graph, FINE) is None
    assert wrong_part(3 * whole, graph, FINE) is None
    assert wrong_part(whole + graph.values["oar"].sin(), graph, FINE) is None


def test_a_factor_in_one_path(graph):
    mine = value(graph, "straight", "through `oar.exp") + value(graph, "through `oar.mean") * graph.values["hull"]
    found = [guess.sentence for guess in of_inside(mine, graph, FINE) if FINE.fits(mine, guess)]
    where = "the gradient through `oar.mean(0, keepdim=True)`"
    assert found[0] == f"{where} is right but for a factor `hull`, which does not belong there"


def test_of_anything_else_nothing_is_said(graph):
    mine = graph.scene.upstream["out"].sin() + graph.scene.value
    assert [guess for guess in of_inside(mine, graph, FINE) if FINE.fits(mine, guess)] == []


def test_another_tensor_in_the_line(graph):
    other = scene(FORWARD.replace("* hull", "* 1"), "oar")
    with double():
        plain = Graph(other, other.routes[0])
        mine = sum(plain.along(term.path, graph.scene.upstream["out"]) for term in plain.terms)
    found = [guess.sentence for guess in of_inside(mine, graph, FINE) if FINE.fits(mine, guess)]
    assert found[0] == "`hull` is missing"


def test_the_gradient_of_a_value_on_the_way(graph):
    name, node = next((n, node) for n, node in graph.nodes.items() if node.text == "`oar.exp()`")
    found = [guess.sentence for guess in of_the_way(graph) if FINE.fits(graph.adjoints[name], guess)]
    assert found == [f"this is the gradient of {node.text}: the way from there to `oar` is missing"]


def test_one_number_is_no_multiple_of_another():
    """Of a scalar any function of the tensor would fit, times some factor."""
    a, b, arriving = (torch.tensor(x, dtype=torch.float64) for x in (0.3, -1.2, 0.8))
    lines = read_lines("e = a * b\nloss = e * 2")
    only = Scene("a", find_routes(lines, "a", {"e"}), {"a": a, "b": b, "e": a * b}, {"e": arriving})
    assert explain(arriving + b, only) is None
    assert explain(-arriving * b, only).sentence == "the sign is wrong"
