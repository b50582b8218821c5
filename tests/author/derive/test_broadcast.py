import ast

import pytest
import torch

from autograder.author.derive.broadcast import sum_to, summed, whole, with_axes
from autograder.author.derive.expression import ONE, Scene, build


@pytest.fixture
def scene():
    names = {"torch": torch, "x": torch.ones(2, 3), "g": torch.ones(3), "b": torch.ones(1, 3), "G": torch.ones(4, 2, 3)}
    return Scene(names, "o", ast.parse("x", mode="eval").body)


def name(text):
    return ast.Name(text, ast.Load())


def test_a_gradient_is_written_out_to_the_shape_of_its_tensor(scene):
    assert ast.unparse(whole(scene, name("g"), name("x"))) == "g.expand_as(x)"
    assert ast.unparse(whole(scene, ONE, name("x"))) == "torch.ones_like(x)"
    assert ast.unparse(whole(scene, build("g.sum()"), name("x"))) == "torch.ones_like(x) * g.sum()"
    assert ast.unparse(whole(scene, name("x"), name("x"))) == "x"


def test_a_gradient_is_summed_over_the_axes_that_broadcasting_added(scene):
    assert ast.unparse(sum_to(scene, name("G"), (2, 3))) == "G.sum(0)"
    assert ast.unparse(sum_to(scene, name("G"), (1, 3))) == "G.sum(0).sum(0, keepdim=True)"
    assert ast.unparse(summed(scene, name("x"), name("x"), name("b"))) == "x.sum(0, keepdim=True)"
    assert ast.unparse(summed(scene, name("x"), name("x"), ast.Constant(2.0))) == "x.sum()"


def test_axes_that_a_sum_took_away_come_back(scene):
    assert ast.unparse(with_axes(scene, name("g"), (1,), keepdim=False)) == "g.unsqueeze(1)"
    assert ast.unparse(with_axes(scene, name("g"), (1,), keepdim=True)) == "g"
