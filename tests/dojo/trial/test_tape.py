"""A run is written down and replayed: every way of laying out the same derivation gives the same step by step."""

from __future__ import annotations

import textwrap

import pytest
import torch

from autograder.dojo.trial import tape as module
from autograder.dojo.trial.tape import Tape, replay

DERIVED = "dz = torch.ones_like(z)\ndy = dz * 2 * y\ndx = (dy * w).sum(0)"
RETURNING = f"def back():\n{textwrap.indent(DERIVED, '    ')}\n    return dz, dy, dx\n"
WAYS = {
    "lines": DERIVED,
    "a function": f"{RETURNING}dz, dy, dx = back()",
    "other names": RETURNING.replace("dz", "a").replace("dy", "b").replace("dx", "c") + "dz, dy, dx = back()",
    "a loop": f"for _ in range(1):\n{textwrap.indent(DERIVED, '    ')}",
    "one statement": "dx = ((dy := (dz := torch.ones_like(z)) * 2 * y) * w).sum(0)",
    "element by element": (
        "dz = torch.ones_like(z)\ndy = torch.zeros_like(y)\n"
        "for i in range(3):\n    for j in range(2):\n        dy[i, j] += dz[i, j] * 2 * y[i, j]\n"
        "dx = torch.zeros(2)\nfor row in dy * w:\n    dx += row"
    ),
    "made again": DERIVED + "\ndy = dy.clone()\ndz = dz * 1",
    "in place": "dz = torch.ones(3, 2)\ndy = y.clone()\ndy.mul_(2).mul_(dz)\n"
    "dx = torch.empty(2)\ntorch.sum(dy * w, 0, out=dx)",
    "a view": DERIVED + "\ndx = dx.view(1, 2)",
}


@pytest.fixture
def names():
    source = torch.Generator().manual_seed(3)
    y, w = (torch.randn(3, 2, generator=source, dtype=torch.float64) for _ in range(2))
    return {"torch": torch, "y": y, "w": w, "z": y**2}


def recorded(code, names):
    tape = Tape(names)
    with torch.no_grad(), tape:
        exec(code, names)
    return tape, {name: names[name] for name in ("dz", "dy", "dx")}


@pytest.fixture
def random_upstream():
    source = torch.Generator().manual_seed(4)
    shapes = {"dz": (3, 2), "dy": (3, 2), "dx": (2,)}
    return {name: torch.randn(shape, generator=source, dtype=torch.float64) for name, shape in shapes.items()}


@pytest.mark.parametrize("way", WAYS)
def test_each_step_has_the_random_gradient_before_it(names, random_upstream, way):
    y, w = names["y"].clone(), names["w"].clone()
    found = replay(*recorded(WAYS[way], names), random_upstream)
    torch.testing.assert_close(found["dz"].double(), torch.ones(3, 2, dtype=torch.float64))
    torch.testing.assert_close(found["dy"], random_upstream["dz"] * 2 * y)
    torch.testing.assert_close(found["dx"].reshape(2).double(), (random_upstream["dy"] * w).sum(0), check_dtype=False)


def test_a_wrong_step_is_wrong_and_the_next_is_right(names, random_upstream):
    y, w = names["y"].clone(), names["w"].clone()
    found = replay(*recorded(WAYS["a function"].replace("* 2 * y", "* 3 * y"), names), random_upstream)
    torch.testing.assert_close(found["dy"], random_upstream["dz"] * 3 * y)
    torch.testing.assert_close(found["dx"], (random_upstream["dy"] * w).sum(0))


def test_a_path_that_adds_nothing_by_coincidence_is_not_the_end(names, random_upstream):
    """Here dy is wrong and zero, so the second path of dx adds nothing; with another dy it does."""
    code = "dz = torch.ones_like(z)\ndy = dz * 0\ndx = dz.sum(0)\ndx = dx + dy.sum(0)"
    found = replay(*recorded(code, names), random_upstream)
    torch.testing.assert_close(found["dx"], random_upstream["dz"].sum(0) + random_upstream["dy"].sum(0))


def test_zeros_of_the_same_shape_are_not_taken_for_a_gradient(names, random_upstream):
    """The indices of a scatter are zeros too, and with a random gradient in their place nothing can be computed."""
    code = (
        "at = torch.zeros_like(y, dtype=torch.long)\ndz = torch.ones_like(z)\ndy = (y * 1e-9).long()\n"
        "dx = torch.zeros_like(y).scatter_add(1, at, dz * w).sum(0)"
    )
    found = replay(*recorded(code, names), random_upstream)
    torch.testing.assert_close(found["dx"][0], (random_upstream["dz"] * names["w"]).sum())


def test_without_upstream_gradients_it_is_the_same_again(names):
    tape, held = recorded(DERIVED, names)
    before = {name: tensor.clone() for name, tensor in held.items()}
    found = replay(tape, held, {})
    assert all(torch.equal(found[name], before[name]) for name in before)


def test_what_came_from_outside_stays_what_it_was(names, random_upstream):
    """Through NumPy the track is lost: such a step is right in other ways, or not at all."""
    code = "dz = torch.ones_like(z)\ndy = torch.from_numpy(2 * y.numpy())\ndx = (dy * w).sum(0)"
    y = names["y"].clone()
    found = replay(*recorded(code, names), random_upstream)
    torch.testing.assert_close(found["dy"], 2 * y)


def test_an_operation_that_fails_with_other_numbers_takes_what_follows_only(names, random_upstream):
    code = (
        "dz = torch.ones_like(z)\ndy = dz * 2 * y\ndx = torch.linalg.cholesky(dz[:2].T @ dz[:2] + 5 * torch.eye(2))[0]"
    )
    random_upstream["dz"] = random_upstream["dz"] * float("nan")
    found = replay(*recorded(code, names), random_upstream)
    assert found["dz"].eq(1).all()
    assert "dx" not in found or not torch.isfinite(found["dx"]).all()


def test_what_is_far_too_long_is_not_kept(names, monkeypatch):
    monkeypatch.setattr(module, "MAX_OPERATIONS", 10)
    tape, _ = recorded(DERIVED + "\nfor _ in range(100):\n    z + 1", names)
    assert tape.broken
    assert len(tape.operations) == 10


def test_pytorchs_compiler_is_not_imported():
    """It takes more than a second, in every fork."""
    import subprocess
    import sys

    code = (
        "import sys, torch\nfrom autograder.dojo.trial.tape import Tape\n"
        "with Tape({}):\n    torch.ones(2) + 1\nprint('torch._dynamo' in sys.modules, 'sympy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
