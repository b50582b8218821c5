"""Every held-out answer runs and is wrong, and no two are the same."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import torch

from tests.conftest import ROOT
from tests.explain.held_out import held_out
from tests.explain.mistakes import mistakes
from tests.explain.networks import COURSE, OTHERS, network, run

course = [pytest.param(name, marks=pytest.mark.marks) for name in COURSE]
others = [name for name in OTHERS if name != "fused"]  # which is younger than the answers
LEAST = dict.fromkeys(COURSE, 25) | {COURSE[0]: 50} | dict.fromkeys(others, 15)

pytestmark = pytest.mark.filterwarnings("ignore:The use of `x.T`")


def _is_wrong(found: torch.Tensor, truth: torch.Tensor) -> bool:
    try:
        serves = torch.broadcast_shapes(found.shape, truth.shape).numel() == truth.numel()
    except RuntimeError:
        return True
    return not serves or not torch.allclose(found.double(), truth.double(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", [*course, *others])
def test_every_answer_gives_a_tensor_and_a_wrong_one(name):
    answers = [answer for answer in held_out() if answer.network == name]
    assert len(answers) >= LEAST[name]
    for answer in answers:
        assert answer.cell in network(name).answers
        wrong = []
        for reference in network(name).references.hidden:
            cells = network(name).cells({answer.cell: answer.code}, answer.name)
            found = run(reference, reference.known.upstream, cells, answer.name).tensor
            assert found is not None, answer
            wrong.append(_is_wrong(found, reference.step.total[network(name).step(answer.name).tensor]))
        assert any(wrong), answer


def test_no_answer_is_there_twice():
    counts = Counter((answer.network, answer.cell, answer.code) for answer in held_out())
    assert [answer for answer, count in counts.items() if count > 1] == []


@pytest.mark.marks
def test_every_cause_is_one_that_the_explainer_can_name():
    # A misspelt label would count as a mistake of the explainer's.
    known = {kind for name in (COURSE[0], *OTHERS) for mistake in mistakes(name) for kind in mistake.kinds}
    for path in (ROOT / "autograder" / "dojo" / "explain").glob("edit_*.py"):
        known |= set(re.findall(r'Edit\(\s*"([\w-]+)"', path.read_text()))
    assert {kind for answer in held_out() for kind in answer.kinds} <= known
