"""A gradient that is put together with torch.cat: only its wrong blocks are mended, each by itself."""

from __future__ import annotations

import ast

import pytest
import torch

from autograder.dojo.explain.blocks import blocks_of
from autograder.dojo.explain.repair import read_cell, repaired
from tests.dojo.explain.cells import trials

FORWARD = "swell = oar[:, :2].sigmoid()\nsurge = oar[:, 2:4].tanh()\nwave = oar[:, 4:].sigmoid()"
OAR = {"oar": (0, 6)}
RIGHT = ("dswell * swell * (1 - swell)", "dsurge * (1 - surge**2)", "dwave * wave * (1 - wave)")


def joined(*entries):
    return f"doar = torch.cat([{', '.join(entries)}], 1)"


def blocks(code):
    read = read_cell(code, "doar", trials(FORWARD, "oar", code, **OAR))
    assert read is not None
    with torch.no_grad():
        return blocks_of(*read)


def test_only_wrong_blocks_are_taken():
    swell, _, wave = RIGHT
    ((block, tried),) = blocks(joined(swell, "dsurge * (1 - surge)", wave))
    assert ast.unparse(block.body[-1]) == "doar = dsurge * (1 - surge)"
    assert all(trial.total.shape[1] == 2 for trial in tried)


@pytest.mark.parametrize("code", ["doar = torch.cat([dswell, dsurge], 1)", "doar = torch.zeros_like(oar)"])
def test_no_blocks(code):
    assert blocks(code) == []


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        (
            (RIGHT[0], "dsurge * surge * (1 - surge)", RIGHT[2]),
            ["`surge * (1 - surge)` stands where the derivative of"],
        ),
        (
            ("dswell * (1 - swell**2)", RIGHT[1], "dwave * (1 - wave**2)"),
            ["`1 - swell ** 2` stands", "`1 - wave ** 2`"],
        ),
        (
            ("dswell * (1 - swell**2)", "dsurge * (1 + surge**2)", "dwave * (1 - wave**2)"),
            ["`1 - swell ** 2` stands", "; and so on"],
        ),
        ((RIGHT[1], RIGHT[0], RIGHT[2]), ["stand in the wrong order (swapped)"]),
    ],
)
def test_what_is_said_of_wrong_blocks(entries, says):
    code = joined(*entries)
    found = repaired(code, "doar", trials(FORWARD, "oar", code, **OAR))
    assert found is not None
    assert all(each in found.sentence for each in says), found.sentence


def test_a_list_of_blocks_may_have_a_name():
    code = f"parts = [{RIGHT[0]}, dsurge * (1 - surge), {RIGHT[2]}]\ndoar = torch.cat(parts, 1)"
    ((block, tried),) = blocks(code)
    assert ast.unparse(block.body[-1]) == "doar = dsurge * (1 - surge)"
    # Only what the block is made of is asked about.
    assert [route.target for route in tried[0].scene.routes] == ["surge"]
