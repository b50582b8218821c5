"""The turns of a loop, for the sizes of one case: run one after the other they make what the loop makes."""

import pytest
import torch

from autograder.exercise.lines import ForwardError
from autograder.exercise.unroll import MAX_TURNS, unroll

NAMES = {"torch": torch, "T": 3, "x": torch.arange(6.0).reshape(3, 2), "W": torch.eye(2), "xs": list(torch.eye(2))}

LOOPS = {
    "carried": "h = x[0] * 0\nfor t in range(T):\n    h = torch.tanh(x[t] @ W + h)\nloss = h.sum()",
    "collected": "hs = []\nfor t in range(T):\n    hs.append(x[t] * t)\nloss = torch.stack(hs).sum()",
    "added": "loss = 0\nfor t in range(T):\n    loss += x[t].sum()",
    "by index": "hs = [None] * T\nfor t in range(T):\n    hs[t] = x[t] + 1\nloss = sum(h.sum() for h in hs)",
    "by key": "hs = {-1: x[0]}\nfor t in range(T):\n    hs[t] = hs[t - 1] * x[t]\nloss = hs[T - 1].sum()",
    "enumerate": "loss = 0\nfor i, v in enumerate(xs):\n    loss = loss + (i + 1) * v.sum()",
    "nested": "loss = 0\nfor t in range(T):\n    for k in (1, 2):\n        loss += x[t, 0] * k * t",
    "unpacking": "c = x[0]\nfor t in range(T):\n    a, b = (c + x[t]).chunk(2)\n    c = torch.cat([b, a])\nloss = c[0]",
}


@pytest.mark.parametrize("source", LOOPS.values(), ids=LOOPS)
def test_the_turns_make_what_the_loop_makes(source):
    whole, turns = dict(NAMES), dict(NAMES)
    exec(source, whole)
    found = unroll(source, whole)
    for each in found:
        exec(each.source, turns)
    assert torch.equal(torch.as_tensor(turns["loss"]), torch.as_tensor(whole["loss"]))
    targets = [each.target for each in found]
    assert len(set(targets)) == len(targets)


def test_each_turn_is_a_line_that_reads_the_one_before_and_the_last_keeps_the_name():
    found = unroll(LOOPS["carried"], NAMES | {"T": 2})
    assert [each.source for each in found] == [
        "_h_2 = x[0] * 0",
        "_h_1 = torch.tanh(x[0] @ W + _h_2)",
        "h = torch.tanh(x[1] @ W + _h_1)",
        "loss = h.sum()",
    ]


def test_a_name_that_an_expression_binds_itself_stays():
    found = unroll("h = x\nfor t in range(2):\n    h = torch.stack([h for h in [x, x]])\nloss = h.sum()", NAMES)
    assert found[1].source == "_h_1 = torch.stack([h for h in [x, x]])"


def test_without_a_loop_the_lines_are_as_written():
    assert [each.source for each in unroll("a = x  # why\nloss = a.sum()", NAMES)] == ["a = x", "loss = a.sum()"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("for t in range(unknown):\n    a = x[t]", r"line 1 .*`range\(unknown\)` cannot be run through: NameError"),
        (f"for t in range({MAX_TURNS + 1}):\n    a = x[0]", "has 1001 turns, at most 1000"),
        ("y = x * 1\nfor t in range(T):\n    y[t] = x[t]", "line 3 .*changes y in place"),
    ],
)
def test_a_loop_that_cannot_be_unrolled_is_refused_with_its_line(source, says):
    with pytest.raises(ForwardError, match=says):
        unroll(source, NAMES | {"y": NAMES["x"]})
