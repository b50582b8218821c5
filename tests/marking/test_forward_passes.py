"""Forward passes of all forms that an exercise may have, graded: the solution earns all, one mistake costs its step."""

from __future__ import annotations

import nbformat
import pytest

from autograder.exercise.notebook import read_exercise
from autograder.submission.notebook import submission_from_notebook
from tests.notebooks import by_id, code, locked, notebook, solution
from tests.warm import warm_grader

PARAMETERS = """SEED = 4
B = 4
T = 5
width = 6
heads = 2
k = 2  # fixed
assert width % heads == 0
assert k <= T"""

SETUP = """import torch
from torch import nn
g = torch.Generator().manual_seed(SEED)
x = torch.randn((B, T, width), generator=g)
params = {"W": torch.randn((width, width), generator=g, requires_grad=True)}
layers = [torch.randn((width, width), generator=g, requires_grad=True)]
model = nn.Linear(width, width)
with torch.no_grad():
    for p in model.parameters():
        p.copy_(torch.randn(p.shape, generator=g))
mask = torch.zeros((T, T)).masked_fill(torch.tril(torch.ones(T, T)) == 0, float("-inf"))
Wh = torch.randn((width, width), generator=g, requires_grad=True)"""

FORWARD = """q: torch.Tensor = x @ params["W"]
v = x @ layers[0]
scores = q @ x.mT + mask
att = scores.softmax(-1)
mixed = att @ v
left, right = mixed.chunk(heads, -1)[0], mixed.chunk(heads, -1)[-1]"""

MORE = """gate = left * right.tanh()
both = torch.cat([gate, mixed], -1)[..., :width]
out = model(both)
h = out[:, 0] * 0
for t in range(T):
    h = torch.tanh(out[:, t] + h @ Wh)
top = torch.topk(h, k, dim=-1)
best = top.values
scale = h.shape[0]
loss = (best**2).sum() / scale + (left**2).mean()"""

STEPS = [
    ("best", "best", "dbest = 2 * best / scale"),
    ("h", "h", "dh = torch.zeros_like(h).scatter(-1, top.indices, dbest)"),
    (
        "Wh",
        "Wh",
        "states = [out[:, 0] * 0]\n"
        "for t in range(T):\n    states.append(torch.tanh(out[:, t] + states[-1] @ Wh))\n"
        "dWh, back = torch.zeros_like(Wh), dh\ndout = torch.zeros_like(out)\n"
        "for t in reversed(range(T)):\n"
        "    da = back * (1 - states[t + 1]**2)\n"
        "    dWh = dWh + states[t].T @ da\n    dout[:, t] = da\n    back = da @ Wh.T",
    ),
    ("weight", "model.weight", "dweight = dout.reshape(-1, width).T @ both.reshape(-1, width)"),
    ("bias", "model.bias", "dbias = dout.sum((0, 1))"),
    ("W", "params['W']", None),
]


def check(label, tensor, more=""):
    info = {"grade_id": f"cmp_d{label}", "grade": True, "solution": False, "locked": True, "points": 1}
    return code(f"cmp('{label}', d{label}, {tensor}{more})", nbgrader=info)


DW = """dboth = dout @ model.weight
wide = torch.zeros((B, T, left.shape[-1] + width))
wide[..., :width] = dboth
dgate, dmixed = wide[..., :left.shape[-1]], wide[..., left.shape[-1]:].clone()
dleft = dgate * right.tanh() + 2 * left / left.numel()
dright = dgate * left * (1 - right.tanh()**2)
dmixed[..., :left.shape[-1]] += dleft
dmixed[..., -right.shape[-1]:] += dright
datt = dmixed @ v.mT
dscores = att * (datt - (datt * att).sum(-1, keepdim=True))
dq = dscores @ x
dW = x.reshape(-1, width).T @ dq.reshape(-1, width)
dV = x.reshape(-1, width).T @ (att.mT @ dmixed).reshape(-1, width)"""


def exercise():
    cells = [
        locked("parameters", PARAMETERS, "parameters"),
        locked("setup", SETUP),
        locked("forward", FORWARD, "forward"),
        locked("more", MORE, "forward"),
        locked("autograd", "loss.backward()", "autograd"),
    ]
    for label, tensor, answer in STEPS[:-1]:
        cells += [solution(f"d{label}", answer), check(label, tensor)]
    cells += [solution("dW", DW), check("W", "params['W']"), solution("dV", "pass"), check("V", "layers[0]")]
    return notebook(*cells)


@pytest.fixture(scope="module")
def grader(tmp_path_factory):
    path = tmp_path_factory.mktemp("forms") / "forms.ipynb"
    nbformat.write(exercise(), path)
    with warm_grader(read_exercise(path)) as warm:
        yield warm


def verdicts(grader, submitted):
    result = grader.grade("ada", lambda: submission_from_notebook(submitted, grader.exercise))
    return {step.name: step.verdict.value for step in result.steps if step.points < 1}


def test_the_solution_earns_all_points(grader):
    assert verdicts(grader, exercise()) == {}


@pytest.mark.parametrize(
    ("cell", "before", "after"),
    [
        ("dWh", "states[t].T @ da", "states[t + 1].T @ da"),
        ("dweight", "dout.reshape(-1, width).T @ both", "-dout.reshape(-1, width).T @ both"),
        ("dbias", "sum((0, 1))", "mean((0, 1))"),
        ("dh", "dbest)", "dbest * 2)"),
    ],
)
def test_a_mistake_costs_its_own_step(grader, cell, before, after):
    submitted = exercise()
    source = by_id(submitted)[cell].source
    assert before in source
    by_id(submitted)[cell].source = source.replace(before, after)
    assert verdicts(grader, submitted) == {cell: "wrong"}


def test_a_number_of_turns_in_place_of_a_size_is_hard_coded(grader):
    submitted = exercise()
    by_id(submitted)["dWh"].source = by_id(submitted)["dWh"].source.replace("range(T)", "range(5)")
    assert verdicts(grader, submitted)["dWh"] == "hard-coded"


def test_a_mistake_behind_a_tuple_and_beside_a_size_is_named(grader):
    submitted = exercise()
    by_id(submitted)["dh"].source = by_id(submitted)["dh"].source.replace("dbest)", "dbest * 3)")
    result = grader.grade("ada", lambda: submission_from_notebook(submitted, grader.exercise))
    (lost,) = result.lost
    assert "right up to a constant factor, 3" in lost.hint
