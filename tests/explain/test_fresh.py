"""The fresh answers are well-formed, and what is reached on them is held."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.explain.fresh import WRITTEN, answers
from tests.explain.networks import COURSE


def test_every_answer_belongs_to_a_cell_and_none_is_there_twice():
    known = {name: set(text["answers"]) for name, text in WRITTEN["networks"].items()}
    for answer in answers():
        assert re.compile(answer.accept)
        assert answer.network in COURSE or answer.cell in known[answer.network]
    counts = Counter((answer.network, answer.cell, answer.code) for answer in answers())
    assert counts.most_common(1)[0][1] == 1


@pytest.mark.marks
@pytest.mark.filterwarnings("ignore:The use of `x.T`")
@pytest.mark.parametrize("name", dict.fromkeys(answer.network for answer in answers()))
def test_the_true_cause_of_a_fresh_answer_is_named(name):
    said = {answer: answer.said() for answer in answers(name)}
    failures = "\n".join(f"{a} -> {s}" for a, s in said.items() if a.verdict(s) != "named")
    counts = Counter(answer.verdict(sentence) for answer, sentence in said.items())
    assert counts["named"] >= 0.85 * len(said), failures
    assert counts["other"] <= max(1, 0.02 * len(said)), failures
