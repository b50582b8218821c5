"""What a right answer may be made from: what the forward pass makes, and what its step reads beside it."""

from __future__ import annotations

from autograder.dojo.behind import behind
from autograder.dojo.explain.forward import read_lines

LINES = read_lines("a = x @ w + b\nh = a.tanh()\ng = s\nfor t in range(T):\n    g = h * v + g\nloss = g.sum()")
MARKED = ("a", "h", "x", "w", "v", "s")


def test_what_the_forward_pass_makes_from_it_directly_or_not():
    assert behind(LINES, "x", (), MARKED) == {"a", "h", "g", "loss"}
    assert behind(LINES, "v", (), MARKED) == {"g", "loss"}


def test_what_the_same_line_reads_where_its_gradient_comes_first():
    assert behind(LINES, "w", ["x"], MARKED) == {"a", "h", "g", "loss", "x"}
    assert behind(LINES, "x", ["v"], MARKED) == {"a", "h", "g", "loss"}


def test_a_step_goes_on_through_what_has_no_gradient_of_its_own():
    assert behind(LINES, "v", ["h", "x"], MARKED) == {"g", "loss", "h"}
    assert behind(read_lines("b = a * 2\nc = b + w\nloss = c.sum()"), "a", ["w"], ("a", "c", "w")) == {
        "b",
        "c",
        "loss",
        "w",
    }


def test_a_loop_reads_what_its_state_begins_with():
    lines = read_lines("h = h0\nhs = []\nfor t in range(T):\n    h = u[t] + h @ w\n    hs.append(h)\nH = cat(hs)")
    assert behind(lines, "h0", ["u", "w"], ("H", "u", "w", "h0")) == {"h", "hs", "H", "u", "w"}
