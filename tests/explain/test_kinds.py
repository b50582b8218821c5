"""Each kind of mistake is named; `python -m tests.explain.kinds` prints the sentences."""

from __future__ import annotations

import pytest

from tests.explain.kinds import KINDS


@pytest.mark.filterwarnings("ignore:The use of `x.T`")
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.network}: {kind.mistake}")
def test_the_sentence_names_the_mistake(kind):
    assert kind.says in kind.said


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.network}: {kind.mistake}")
def test_the_sentence_is_whole_and_short(kind):
    assert len(kind.said) < 300
    assert not any(made_up in kind.said for made_up in ("{", "_slope", "_place", "c*"))
