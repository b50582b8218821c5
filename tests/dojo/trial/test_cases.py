"""Trial cases from a notebook's own cells."""

from __future__ import annotations

import random

import pytest
import torch

from autograder.dojo.explain.forward import read_lines
from autograder.dojo.trial.cases import NoTrialError, make_cases, setup_cells
from tests.dojo.book import FORWARD, PARAMETERS

SETUP = """\
import torch
g = torch.Generator().manual_seed(SEED)
x = torch.randn((n, 3), generator=g)
w = torch.randn((3, wide), generator=g, requires_grad=True)
b = torch.randn(wide, generator=g, requires_grad=True)"""
LINES = read_lines(FORWARD)
MARKED = ("a", "top", "s", "e", "total", "p", "w", "b")


@pytest.fixture(name="cases", scope="module")
def _cases():
    return make_cases([PARAMETERS, SETUP], LINES, MARKED)


def test_one_of_the_own_sizes_one_larger_one_smaller(cases):
    shapes = [tuple(pair.exact.names["a"].shape) for pair in cases]
    assert [pair.exact.public_sizes for pair in cases] == [True, False, False]
    assert shapes[0] == (8, 5)
    assert shapes[1] > (8, 5) > shapes[2]


def test_the_truth_is_autograds_and_step_by_step_that_of_random_gradients(cases):
    case = cases[0].exact
    w = case.names["w"].clone().requires_grad_()
    names = dict(case.names, w=w)
    exec(FORWARD, names)
    names["loss"].backward()
    assert torch.allclose(case.true["w"], w.grad)
    assert case.end["w"].check(type("V", (), {"tensor": w.grad, "kind": "tensor", "type": ""})()).right
    by_hand = case.names["x"].T @ case.random["a"]
    assert torch.allclose(case.step["w"].total, by_hand)


def test_what_vanishes_is_known(cases):
    assert {"top"} <= cases[0].exact.vanishing


def test_no_gradient_and_no_graph_is_in_it(cases):
    tensors = [value for value in cases[0].exact.names.values() if isinstance(value, torch.Tensor)]
    assert not [t for t in tensors if t.grad_fn is not None]
    assert not [t for t in tensors if t.grad is not None]


def test_in_float32_it_is_the_same_case(cases):
    exact, rounded = cases[2].exact, cases[2].rounded()
    assert rounded.dtype == torch.float32
    assert torch.allclose(rounded.random["a"].double(), exact.random["a"], atol=1e-6)
    assert torch.allclose(rounded.true["w"].double(), exact.true["w"], rtol=1e-3, atol=1e-6)


def test_no_random_state_is_touched():
    before = random.getstate(), torch.get_rng_state()
    make_cases(
        [PARAMETERS, "import random\nrandom.seed(1)\ntorch = __import__('torch')\ntorch.manual_seed(2)\n" + SETUP],
        LINES,
        MARKED,
    )
    assert random.getstate() == before[0]
    assert torch.equal(torch.get_rng_state(), before[1])
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize(
    ("setup", "says"),
    [
        ([SETUP], "no cell before the forward pass sets sizes and seeds only"),
        ([PARAMETERS, SETUP.replace("(n, 3)", "(8, 3)") + "\nassert x.shape == (n, 3)"], "the setup fails"),
        ([PARAMETERS, SETUP + "\nx = x * 0"], "ties in a maximum"),
        ([PARAMETERS, SETUP.replace("(3, wide)", "(4, wide)")], "the forward pass fails with other sizes"),
    ],
)
def test_where_none_can_be_made(setup, says):
    if "ties" in says:
        setup = [
            setup[0],
            setup[1] + "\nw = torch.zeros(3, wide, requires_grad=True)\nb = torch.zeros(wide, requires_grad=True)",
        ]
    with pytest.raises(NoTrialError, match=says):
        make_cases(setup, LINES, MARKED)


def test_a_setup_that_takes_long_is_not_run_again(monkeypatch):
    monkeypatch.setattr("autograder.dojo.trial.cases.SETUP_SECONDS", 0.05)
    with pytest.raises(NoTrialError, match="take too long"):
        make_cases([PARAMETERS, SETUP + "\nsum(range(10**7))"], LINES, MARKED)


def test_only_what_the_forward_pass_needs_is_run_again():
    cells = [
        PARAMETERS,
        "print('hello')\nother = 1",
        "data = [1, 2]",
        SETUP + "\nx = x + sum(data)",
        "random.shuffle(data)",
    ]
    assert setup_cells(cells, LINES) == (PARAMETERS, "data = [1, 2]", cells[3])
    assert setup_cells([*cells[:3], cells[4], cells[3]], LINES) == (PARAMETERS, "data = [1, 2]", cells[4], cells[3])


def test_what_sizes_need_of_each_other_is_kept():
    cell = "n = 8\nwide = 4\nk = 2  # fixed\nSEED = 3\nassert wide % k == 0"
    for pair in make_cases([cell, SETUP], LINES, MARKED):
        assert pair.exact.names["k"] == 2
        assert pair.exact.names["wide"] % 2 == 0
