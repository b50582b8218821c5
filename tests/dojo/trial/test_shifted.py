"""Numerical differentiation is seen in what a run computes; a derivation, whatever it recomputes, is not."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.trial.shifted import shifted
from autograder.dojo.trial.tape import Tape
from autograder.sandbox.messages import ForwardLine

LINES = (
    ForwardLine("y", ("x", "w"), "y = torch.tanh(x @ w)"),
    ForwardLine("v", ("y",), "v = y.var(0) + 1e-5"),
    ForwardLine("loss", ("v",), "loss = v.log().sum()"),
)
TENSORS = {"dx": "x", "dy": "y", "dv": "v"}
FORWARD = "def f(x):\n    return (torch.tanh(x @ w) * dy).sum()\n"
LOOP = FORWARD + "dx = torch.zeros_like(x)\nfor i in range(4):\n    for j in range(3):\n"
NUMERICAL = {
    "central differences": LOOP
    + "        e = torch.zeros_like(x)\n        e[i, j] = 1e-6\n        dx[i, j] = (f(x + e) - f(x - e)) / 2e-6",
    "through Python numbers": LOOP
    + "        e = torch.zeros_like(x)\n        e[i, j] = 1e-6\n        dx[i, j] = (f(x + e) - f(x - e)).item() / 2e-6",
    "a number is changed in place": LOOP
    + "        a = x.clone()\n        a[i, j] += 1e-6\n        dx[i, j] = (f(a) - f(x)) / 1e-6",
    "Richardson": LOOP + "        e = torch.zeros_like(x)\n        e[i, j] = 1e-3\n"
    "        d = lambda t: (f(x + t * e) - f(x - t * e)) / (2e-3 * t)\n        dx[i, j] = (4 * d(0.5) - d(1)) / 3",
    "a fitted polynomial": LOOP
    + "        e = torch.zeros_like(x)\n        e[i, j] = 1.0\n        t = torch.linspace(-0.1, 0.1, 7)\n"
    "        values = torch.stack([f(x + s * e) for s in t])\n"
    "        dx[i, j] = torch.linalg.lstsq(torch.stack([t**k for k in range(6)], 1), values[:, None]).solution[1, 0]",
    "random directions": FORWARD + "d = torch.randn(40, 4, 3, generator=torch.Generator().manual_seed(1))\n"
    "b = torch.stack([(f(x + 1e-5 * e) - f(x - 1e-5 * e)) / 2e-5 for e in d])\n"
    "dx = torch.linalg.lstsq(d.reshape(40, 12), b[:, None]).solution.reshape(4, 3)",
    "all shifts at once": "e = torch.eye(12).reshape(12, 4, 3) * 1e-6\n"
    "dx = (((torch.tanh((x + e) @ w) - torch.tanh((x - e) @ w)) * dy).sum((1, 2)) / 2e-6).reshape(4, 3)",
    "another formula for the line": LOOP.replace("torch.tanh(x @ w)", "(1 - 2 / ((2 * (x @ w)).exp() + 1))")
    + "        e = torch.zeros_like(x)\n        e[i, j] = 1e-6\n        dx[i, j] = (f(x + e) - f(x - e)) / 2e-6",
    "a complex step": LOOP + "        z = x.to(torch.complex128)\n        z[i, j] += 1e-20j\n"
    "        dx[i, j] = (torch.tanh(z @ w.to(torch.complex128)) * dy).sum().imag / 1e-20",
}
HONEST = {
    "a derivation": "dx = ((1 - y**2) * dy) @ w.T",
    "computed again": "dx = ((1 - torch.tanh(x @ w)**2) * dy) @ w.T",
    "an epsilon": "dx = ((1 - y**2) * dy) @ w.T\ns = (y.var(0) + 1e-5).sqrt()",
    "a loop": "dx = torch.zeros_like(x)\nfor i in range(4):\n    dx[i] = ((1 - y[i]**2) * dy[i]) @ w.T",
    "checked afterwards": "dx = ((1 - y**2) * dy) @ w.T\n" + NUMERICAL["central differences"].replace("dx", "numeric"),
    "checked before": NUMERICAL["central differences"].replace("dx", "numeric") + "\ndx = ((1 - y**2) * dy) @ w.T",
}


def found(code):
    source = torch.Generator().manual_seed(7)
    x, w, dy = (torch.randn(s, generator=source, dtype=torch.float64) for s in ((4, 3), (3, 5), (4, 5)))
    names = {"torch": torch, "x": x, "w": w}
    for line in LINES:
        exec(line.source, names)
    own = {name: value.clone() if isinstance(value, torch.Tensor) else value for name, value in names.items()}
    own["dy"] = dy
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        tape = Tape(own)
        with torch.no_grad(), tape:
            exec(code, own)
        with torch.no_grad():
            torch.testing.assert_close(own["dx"], ((1 - names["y"] ** 2) * dy) @ w.T, rtol=1e-3, atol=1e-4)
            return shifted(tape, {"dx": own["dx"], "dy": dy}, names, LINES, TENSORS)
    finally:
        torch.set_default_dtype(before)


@pytest.mark.parametrize("how", NUMERICAL)
def test_it_is_seen(how):
    assert found(NUMERICAL[how]) == {"dx"}


@pytest.mark.parametrize("how", HONEST)
def test_a_derivation_is_none(how):
    assert found(HONEST[how]) == set()


LOOP_LINES = (
    ForwardLine("h", ("h0",), "h = h0"),
    ForwardLine("hs", (), "hs = []"),
    *(
        ForwardLine(
            name, ("torch", "x", "w", other), "for t in range(4):\n    h = torch.tanh(x[t] + h @ w)\n    hs.append(h)"
        )
        for name, other in (("h", "hs"), ("hs", "h"))
    ),
    ForwardLine("H", ("torch", "hs"), "H = torch.stack(hs)"),
)
THROUGH_TIME = """\
def f(h):
    found = []
    for t in range(4):
        h = torch.tanh(x[t] + h @ w)
        found.append(h)
    return (torch.stack(found) * dH).sum()
dh0 = torch.zeros_like(h0)
for i in range(3):
    e = torch.zeros_like(h0)
    e[0, i] = 1e-6
    dh0[0, i] = (f(h0 + e) - f(h0 - e)) / 2e-6"""
BACKWARD = """\
carry = torch.zeros(1, 3)
for t in reversed(range(4)):
    carry = ((carry + dH[t]) * (1 - H[t]**2)) @ w.T
dh0 = carry"""


@pytest.mark.parametrize(("code", "seen"), [(THROUGH_TIME, {"dh0"}), (BACKWARD, set())])
def test_in_a_loop_over_time(code, seen):
    source = torch.Generator().manual_seed(7)
    x, w, h0, dH = (  # noqa: N806
        torch.randn(s, generator=source, dtype=torch.float64) for s in ((4, 1, 3), (3, 3), (1, 3), (4, 1, 3))
    )
    names = {"torch": torch, "x": x, "w": w, "h0": h0}
    exec("\n".join(dict.fromkeys(line.source for line in LOOP_LINES)), names)
    own, before = dict(names, dH=dH), torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        tape = Tape(own)
        with torch.no_grad(), tape:
            exec(code, own)
            found = shifted(tape, {"dh0": own["dh0"], "dH": dH}, names, LOOP_LINES, {"dh0": "h0"})
    finally:
        torch.set_default_dtype(before)
    assert found == seen
    assert len(names["hs"]) == 4
