"""Tensors in lists, tuples, dicts and modules: found, changed, and made again from plain data."""

import json

import pytest
import torch
from torch import nn

from autograder.dojo.structure import described, mapped, rebuilt, tensors_in, value_at

W = torch.ones(2, requires_grad=True)


def names():
    return {
        "params": {"W": W, "deep": [torch.zeros(1), (torch.ones(1), 3)]},
        "W": W,
        "model": nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)),
        "top": torch.topk(torch.arange(4.0), 2),
        "shape": W.shape,
        "words": ["a"] * 2000,
        "mixed": [W, object()],
        "k": 3,
    }


def test_every_tensor_has_one_path_a_name_of_its_own_before_all():
    found = dict(tensors_in(names()))
    assert found["W"] is W
    assert "params['W']" not in found
    assert {"params['deep'][0]", "params['deep'][1][0]", "model.0.weight", "top[1]"} <= set(found)


@pytest.mark.parametrize("path", ["params['W']", "params['deep'][1][0]", "model[0].weight", "top.values", "W"])
def test_a_path_reaches_its_tensor(path):
    assert isinstance(value_at(names(), path), torch.Tensor)


def test_a_path_that_reaches_nothing_gives_nothing():
    assert value_at(names(), "params['Z']") is None
    assert value_at(names(), "nobody") is None


def test_every_tensor_is_changed_once_and_all_names_reach_it():
    before = names()
    after = mapped(before, lambda t: t.detach().double() if t.is_floating_point() else t)
    assert after["params"]["W"] is after["W"]
    assert after["W"].dtype == after["model"][0].weight.dtype == after["top"].values.dtype == torch.float64
    assert isinstance(after["model"][0].weight, nn.Parameter)
    assert before["model"][0].weight.dtype == torch.float32
    assert after["words"] is before["words"]


def test_what_is_described_as_json_is_made_again():
    before = names()
    tensors, structures = described(before)
    after = rebuilt(json.loads(json.dumps(structures)), tensors, before)
    assert set(after) == {"params", "model", "top", "shape", "mixed"}
    assert after["mixed"][0] is W
    assert after["mixed"][1] is before["mixed"][1]
    assert after["params"] == before["params"]
    assert after["params"]["W"] is W
    assert after["shape"] == before["shape"]
    assert torch.equal(after["top"].indices, before["top"].indices)
    assert after["model"] is not before["model"]
    states = before["model"].state_dict(), after["model"].state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_a_module_that_is_not_there_before_is_left_out():
    tensors, structures = described(names())
    assert "model" not in rebuilt(structures, tensors, {})
