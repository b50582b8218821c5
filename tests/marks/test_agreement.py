"""What the notebook says is what the mark will be, on a sample; make bench-agreement has all."""

from __future__ import annotations

import pytest

from autograder.marking.grader import Grader
from tests.marks.agreement import TICK, pairs
from tests.marks.shown import beside_the_notebook
from tests.marks.ways import WAYS

pytestmark = pytest.mark.marks
SAMPLE = [way for way in WAYS if way.name in ("cell by cell", "one cell, the others deleted", "a function")]


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_and_the_mark_agree(grader: Grader, counts: list[str]) -> None:
    with beside_the_notebook():
        found = list(pairs(grader, SAMPLE, right=3, wrong=8))
    differ = [pair for pair in found if not pair.agree]
    counts.append(f"agreement: {len(found)} steps, {len(differ)} on which notebook and mark differ")
    assert len(found) > 26 * 10  # without the notebooks in which a cell raises
    assert len(differ) <= 0.01 * len(found), differ
    assert not [pair for pair in found if not pair.wrong and pair.marked in TICK and pair.shown not in TICK]
    assert not [pair for pair in found if pair.wrong and pair.shown in TICK]
