"""Find the steps that are right only because a wrong path through them adds up to nothing."""

from __future__ import annotations

import torch

from autograder.marking.compare import CaseTargets
from autograder.marking.ways import Ways
from autograder.sandbox.host.received import Value


def has_idle_path(name: str, idle: tuple[str, ...], case: CaseTargets, ways: Ways) -> bool:
    """Return whether a step's value depends on the upstream gradients `idle`, whose paths add up to zero where right.

    The step is run twice on the first hidden case, the second time with these upstream gradients doubled.
    """
    doubled = {1: {other: 2.0 * case.random[other] for other in idle if other in case.random}}
    before, after = (_value(name, ways, upstream) for upstream in ({}, doubled))
    if before is None or after is None or before.tensor is None or after.tensor is None:
        return False
    if before.tensor.numel() > case.true[name].numel():
        return False  # no answer, and as large as it likes
    if before.tensor.shape != after.tensor.shape:
        return False
    return not torch.allclose(before.tensor.double(), after.tensor.double())


def _value(name: str, ways: Ways, upstream: dict[int, dict[str, torch.Tensor]]) -> Value | None:
    return ways.one_by_one(ways.way(name), [name], upstream, 1)[0].values.get(name)
