"""Loops of a forward pass for the values of one case, and what the notebook says of a step behind one."""

from __future__ import annotations

import torch

from autograder.dojo.explain.forward import read_lines
from autograder.dojo.gradients import run_forward
from autograder.dojo.trial.cases import make_cases
from autograder.dojo.trial.turns import has_loop, turns

LOOP = """\
h = h0
hs = []
for t in range(T):
    h = torch.tanh(x[:, t] + h @ w)
    hs.append(h)
H = torch.stack(hs, 1)
loss = (H * H).sum()"""
SETUP = """\
import torch
g = torch.Generator().manual_seed(SEED)
x = torch.randn((n, T, wide), generator=g, requires_grad=True)
w = torch.randn((wide, wide), generator=g, requires_grad=True)
h0 = torch.randn((1, wide), generator=g, requires_grad=True)"""
MARKED = ("H", "x", "w", "h0")


def test_each_turn_is_a_line_for_the_sizes_of_these_names():
    names = {"torch": torch, "T": 2, "x": torch.ones(1, 2, 3), "w": torch.eye(3), "h0": torch.zeros(1, 3)}
    lines = read_lines(LOOP)
    found = turns(lines, names)
    assert has_loop(lines)
    assert not has_loop(found)
    assert len([line for line in found if "tanh" in line.source]) == 2
    whole = dict(names)
    exec(LOOP, whole)
    assert torch.equal(run_forward(names, found)["loss"], whole["loss"])
    assert "hs" not in names


def test_without_a_loop_they_stay_as_they_are():
    lines = read_lines("a = x + 1\nloss = a.sum()")
    assert turns(lines, {}) is lines


def test_a_trial_case_has_other_numbers_of_turns_and_autograds_gradient():
    pairs = make_cases(["n = 4\nwide = 3\nT = 5\nSEED = 1", SETUP], read_lines(LOOP), MARKED)
    lengths = [pair.exact.names["x"].shape[1] for pair in pairs]
    assert lengths[0] == 5
    assert lengths[1] > 5 > lengths[2]
    for pair in pairs:
        case = pair.exact
        own = {name: case.names[name].clone().requires_grad_() for name in ("x", "w", "h0")}
        names = dict(case.names, **own)
        exec(LOOP, names)
        (step,) = torch.autograd.grad((names["H"] * case.random["H"]).sum(), own["w"], retain_graph=True)
        assert torch.allclose(case.step["w"].total, step)
        names["loss"].backward()
        assert torch.allclose(case.true["w"], own["w"].grad)
