"""What the explainer makes of unpacking and of loops; how they are read is in tests/exercise/test_lines.py."""

import torch

from autograder.dojo.explain.cascade import explain
from autograder.dojo.explain.forward import Scene, find_routes, read_lines


def scene(source, tensor, names, upstream, *stops):
    lines = read_lines(source)
    return Scene(tensor, find_routes(lines, tensor, stops), names, upstream)


def test_a_step_that_unpacks_is_explained():
    x = torch.arange(12.0).reshape(2, 6) / 7
    left, right = x.chunk(2, 1)
    names = {"x": x, "left": left, "right": right, "torch": torch}
    arriving = {"left": torch.randn(2, 3), "right": torch.randn(2, 3)}
    where = scene("left, right = x.chunk(2, 1)\nloss = (left * right).sum()", "x", names, arriving, "left", "right")
    found = explain(torch.cat([arriving["left"], -arriving["right"]], 1), where)
    assert found is not None
    assert found.sentence == "the gradient through `right` has the wrong sign"


def test_a_step_whose_gradient_comes_back_through_a_loop_is_not_guessed_at():
    h = torch.randn(4)
    source = "y = x * 1\nfor t in range(T):\n    y = y * 2\nloss = y.sum()"
    where = scene(source, "x", {"x": h, "y": h * 8, "T": 3}, {"loss": torch.ones(())})
    assert where.routes
    assert explain(-8 * torch.ones(4), where) is None
