"""A forward line taken apart: its operations, and the paths through them."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch

from autograder.dojo.explain.forward import Scene, double, find_routes, product, read_lines
from autograder.dojo.explain.graph import Graph

SIZES = {"n": 6, "torch": torch, "F": torch.nn.functional}


def graph(forward: str, tensor: str = "oar") -> Graph:
    """The route of a tensor to the loss, with random numbers everywhere else."""
    source = torch.Generator().manual_seed(2)
    names = SIZES | {"oar": torch.rand((6, 4), generator=source) + 1, "hull": torch.rand(4, generator=source) + 1}
    names["port"] = torch.tensor([0, 3, 1, 1, 2, 0])
    lines = read_lines(forward)
    for line in lines:
        exec(line.source, names)
    route = find_routes(lines, tensor, set())[0]
    return Graph(Scene(tensor, (route,), names, {lines[-1].target: torch.randn((), generator=source)}), route)


ONE_LINE = "loss = (hull * (oar - oar.mean(0, keepdim=True)) / torch.sqrt(oar.var(0) + 1e-5)).tanh().sum()"
LINES = "mid = oar.mean(0, keepdim=True)\noff = oar - mid\nloss = (off**3 * hull).sum()"


@pytest.mark.parametrize(
    ("forward", "labels"),
    [
        ("loss = (oar * hull).sum()", ["straight from `loss`"]),
        (LINES, ["through `mid`", "straight from `off` to `oar`"]),
        (
            ONE_LINE,
            [
                "through `oar.mean(0, keepdim=True)`",
                "straight from `oar - oar.mean(0, keepdim=True)` to `oar`",
                "through `oar.var(0)`",
            ],
        ),
        (
            "loss = F.cross_entropy(oar, port)",
            [
                "through `oar.logsumexp(1)` (in `F.cross_entropy(oar, port)`)",
                "through `oar[range(len(port)), port]` (in `F.cross_entropy(oar, port)`)",
            ],
        ),
        # The sum of what is left of a mean is zero: that path brings nothing.
        ("mid = oar.mean(0)\noff = oar - mid\nloss = (off**2).sum()", ["straight from `loss`"]),
        ("loss = oar.view(oar.shape[0], -1).max(1, keepdim=True).values.sum()", ["straight from `loss`"]),
    ],
)
def test_each_path_has_a_label_of_its_own(forward, labels):
    with double():
        found = [term.label for term in graph(forward).terms]
    assert sorted(found) == sorted(labels)


@pytest.mark.parametrize("tensor", ["oar", "hull"])
@pytest.mark.parametrize("forward", [ONE_LINE, LINES])
def test_the_paths_sum_to_the_gradient(forward, tensor):
    found = graph(forward, tensor)
    with double():
        total = sum(term.value for term in found.terms)
    torch.testing.assert_close(total, product(found.scene, found.route), rtol=1e-12, atol=1e-12)


def test_an_unknown_kind_of_expression_stays_whole():
    forward = "loss = sum([row.sum() for row in oar]) * hull.sum()"
    with double():
        assert [term.label for term in graph(forward).terms] == ["straight from `loss`"]


def test_too_many_paths_are_not_told_apart():
    forward = "\n".join(f"k{i} = oar * {i + 2}" for i in range(9))
    with double():
        assert graph(f"{forward}\nloss = ({' + '.join(f'k{i}' for i in range(9))}).sum()").terms == ()


def test_the_lines_of_a_path_are_its_own():
    with double():
        terms = {term.label: [line.target for line in term.lines] for term in graph(LINES).terms}
    assert terms["through `mid`"] == ["mid"]


def test_values_have_one_order_in_every_process():
    """Which of several factors is named depends on it, and the order of a set depends on the process."""
    code = (
        "from tests.dojo.explain.test_graph import ONE_LINE, graph\n"
        "from autograder.dojo.explain.forward import double\n"
        "with double():\n    print([name for name in graph(ONE_LINE).values if not name.startswith('_')])"
    )
    orders = set()
    for seed in ("1", "2", "3"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        orders.add(done.stdout)
    assert orders == {"['hull', 'oar', 'torch', 'loss']\n"}


def test_the_parts_of_what_is_joined_are_paths():
    joined = graph("loss = (torch.cat([oar * hull, oar.exp()], 1)**2).sum()")
    with double():
        assert len(joined.terms) == 2
        assert [term.label for term in joined.terms] == ["through `oar * hull`", "through `oar.exp()`"]
