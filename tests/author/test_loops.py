"""Backpropagation through loops: deriving holds each answer against autograd, and what it cannot is a gap."""

import pytest

from autograder.author.backward import derive
from autograder.author.draft import read_draft
from autograder.author.new import write_new
from tests.author.forwards import FORWARDS

SETUP = """\
import torch
SEED = 1
n = 3
T = 4
m = 5
g = torch.Generator().manual_seed(SEED)
x = torch.randn((T, n, m), generator=g)
w = torch.randn((m, m), generator=g, requires_grad=True)
h0 = torch.randn((n, m), generator=g, requires_grad=True)
"""
RNN = "h = h0\nfor t in range(T):\n    h = torch.tanh(x[t] + h @ w)\n"
BACK = """\
h_now = h0
turns = []
for t in range(T):
    h_before = h_now
    h_now = torch.tanh(x[t] + h_before @ w)
    turns.append((h_now, h_before))
dh_now = dh
dw_total = torch.zeros_like(w)
for h_now, h_before in reversed(turns):
    dw_total = dw_total + h_before.T @ (dh_now * (1 - h_now ** 2))
    dh_now = dh_now * (1 - h_now ** 2) @ w.T
dw = dw_total"""


def cells(forward, setup=SETUP):
    return {cell.grade_id: cell for cell in derive(read_draft(setup + forward)).cells}


def test_the_turns_are_made_again_and_gone_back_through():
    found = cells(f"{RNN}loss = (h**2).sum()")
    assert list(found) == ["dh", "dh0", "dw"]
    assert found["dw"].answer == BACK
    assert found["dh0"].answer.splitlines()[-1] == "dh0 = dh_now"


def test_nothing_is_made_again_where_only_the_number_of_the_turn_is_needed():
    forward = "h = h0\nfor t in range(T):\n    h = h * x[t]\nloss = h.sum()"
    assert "turns" not in cells(forward)["dh0"].answer


@pytest.mark.parametrize(
    "forward",
    [
        "h = h0\nhs = []\nfor t in range(T):\n    h = torch.tanh(x[t] + h @ w)\n    hs.append(h)\n" + after
        for after in (
            "out = torch.stack(hs, 1)\nloss = (out**2).sum()",
            "loss = (torch.stack(hs)**2).mean()",
            "out = torch.cat(hs, dim=1)\nloss = (out**2).sum()",
            "loss = (hs[-1]**2).sum()",
        )
    ]
    + [
        "terms = []\nfor t in range(T):\n    terms.append((x[t] @ w).square().mean())\nloss = sum(terms)",
        "loss = torch.zeros(())\nfor t in range(T):\n    loss = loss + (x[t] @ w).square().mean()",
        f"{RNN}loss = (h**2).mean()".replace("h = h0", "h = h0[:1]"),
        f"{RNN}k = h @ w\nfor t in range(T):\n    k = torch.sigmoid(k + x[t])\nloss = (k * h).sum()",
        "h = h0\nfor k, xt in enumerate(x):\n    h = torch.tanh(xt + h @ w)\n    h = h * (k + 1)\nloss = h.mean()",
    ],
)
def test_what_comes_out_of_a_loop_is_derived(forward):
    found = cells(forward)
    assert [cell.gap for cell in found.values() if cell.gap] == []
    assert any(grade_id.startswith("dw") for grade_id in found)


@pytest.mark.parametrize(
    ("forward", "says"),
    [
        ("h = h0\nfor t in range(T):\n    for s in (1, 2):\n        h = h @ w\nloss = h.sum()", "a loop in a loop"),
        ("c = h0\nh = h0\nfor t in range(T):\n    c = c @ w\n    h = h * c\nloss = (c + h).sum()", "other numbers"),
        (
            "hs = []\nfor t in range(T):\n    hs.append(x[t] @ w)\nout = hs[0] + hs[1]\nloss = out.sum()",
            "than torch.stack or torch.cat",
        ),
        ("turns = x @ w\nh = h0\nfor t in range(T):\n    h = h * turns[t]\nloss = h.sum()", "the name turns is taken"),
    ],
)
def test_what_cannot_be_derived_is_a_gap_that_says_why(forward, says):
    gaps = [cell for cell in cells(forward).values() if cell.gap]
    assert all("# GAP: derive this" in cell.answer for cell in gaps)
    assert any(says in cell.gap for cell in gaps)


def test_what_setup_leaves_for_a_loop_to_go_on_with_is_a_gap():
    found = cells(
        "for t in range(T):\n    h = torch.tanh(x[t] + h @ w)\nloss = h.sum()",
        f"{SETUP}h = torch.zeros((n, m))\nk = None\n",
    )
    assert "goes on with the h of setup" in found["dw"].gap


@pytest.mark.parametrize("name", ["lstm", "residual_layers", "list_of_layers"])
def test_the_answers_hold_at_other_sizes(tmp_path, name):
    (tmp_path / "forward.py").write_text(FORWARDS[name][0])
    assert write_new(tmp_path / "a" / "b.ipynb", tmp_path / "forward.py").gaps == ()


def test_a_loop_may_begin_with_what_the_forward_cell_makes_in_the_cases_dtype(tmp_path):
    forward = RNN.replace("h = h0", "h = torch.zeros((n, m))") + "loss = (h**2).sum()"
    (tmp_path / "forward.py").write_text(SETUP + forward)
    assert write_new(tmp_path / "a" / "b.ipynb", tmp_path / "forward.py").gaps == ()
