"""A loop read as one turn, with a name for each value."""

import ast

import pytest

from autograder.author.derive.expression import GapError
from autograder.author.turns import read_turn


def lines(turn):
    return [f"{name} = {ast.unparse(expression)}" for name, expression in turn.lines]


def test_each_value_of_a_turn_has_a_name():
    turn = read_turn(
        "for t in range(T):\n    z = x[t] + h\n    h = h * z\n    h += 1\n    hs.append(h)\n    ys.append(z @ W)"
    )
    assert lines(turn) == [
        "z_now = x[t] + h_before",
        "h_now1 = h_before * z_now",
        "h_now = h_now1 + 1",
        "ys_now = z_now @ W",
    ]
    assert turn.carried == ["h"]
    assert turn.appended == {"hs": "h_now", "ys": "ys_now"}


@pytest.mark.parametrize(
    ("head", "counted", "reverse"),
    [
        ("for t in range(T)", True, "reversed(range(T))"),
        ("for t in range(1, T)", False, "reversed(range(1, T))"),
        ("for k, v in enumerate(x)", False, "reversed(list(enumerate(x)))"),
    ],
)
def test_how_a_loop_is_run_through_backwards(head, counted, reverse):
    turn = read_turn(f"{head}:\n    h = h + 1")
    assert (turn.is_counted, turn.in_reverse) == (counted, reverse)


@pytest.mark.parametrize(
    ("head", "tensor", "element"),
    [
        ("for W in Ws", "Ws[2]", ("W", 2)),
        ("for W, b in layers", "layers[1][0]", ("W", 1)),
        ("for W, b in layers", "layers[1][1]", ("b", 1)),
        ("for W, b in zip(Ws, net.bs)", "net.bs[3]", ("b", 3)),
        ("for W, b in zip(Ws, bs)", "others[3]", None),
        ("for W in Ws", "Ws", None),
        ("for W in Ws", "Ws['a']", None),
    ],
)
def test_a_tensor_that_a_loop_runs_through_is_its_variable_in_one_turn(head, tensor, element):
    assert read_turn(f"{head}:\n    h = h @ W").element(tensor) == element


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("for s in y:\n        h = h + s", "a loop in a loop"),
        ("h[t] = x", "changes h in place"),
        ("hs.append(hs[-1] + 1)", "reads the list hs"),
        ("hs.append(x)\n    hs.append(y)", "appends to hs twice"),
    ],
)
def test_what_is_not_derived_is_said(body, says):
    with pytest.raises(GapError, match=says):
        read_turn(f"for t in range(T):\n    {body}")
