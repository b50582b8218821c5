"""A path that adds up to nothing is there where the value follows its upstream gradient."""

from __future__ import annotations

import pytest
import torch

from autograder.marking.compare import CaseTargets
from autograder.marking.idle import has_idle_path
from autograder.sandbox.host.received import RunRecord, Value


class Answering:
    """Ways of a submission whose step holds `value(upstream gradient of the idle path)`."""

    def __init__(self, value):
        self._value = value

    def way(self, name):
        return "cells"

    def one_by_one(self, way, names, upstream, cases):
        assert (way, names, cases) == ("cells", ["dmast"], 1)
        value = self._value(upstream.get(1, {}).get("dpeak", PEAK))
        return (RunRecord({} if value is None else {"dmast": value}),)


PEAK = torch.tensor([1.0, 2.0])
CASE = CaseTargets(True, None, None, {"dmast": torch.zeros(2)}, {"dpeak": PEAK})


def tensor(value):
    return Value("tensor", value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (lambda dpeak: tensor(torch.ones(2)), False),
        (lambda dpeak: tensor(torch.ones(2) + dpeak), True),
        (lambda dpeak: tensor((torch.ones(2) + dpeak).to(torch.int64)), True),
        (lambda dpeak: None, False),
        (lambda dpeak: Value("none"), False),
        # Its shape changes with the upstream gradient, or it is larger than any gradient here: no answer.
        (lambda dpeak: tensor(torch.ones(1 + int(dpeak[0] > 1))), False),
        (lambda dpeak: tensor(dpeak.repeat(1000)), False),
    ],
)
def test_it(value, expected):
    assert has_idle_path("dmast", ("dpeak",), CASE, Answering(value)) is expected
