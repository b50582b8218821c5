"""Which degree is taken, and what is said of it."""

from __future__ import annotations

import pytest

from autograder import isolation
from autograder.isolation import AUTO, BUBBLEWRAP, PROCESS, Isolation, IsolationError, choose


@pytest.fixture(params=[None, "no namespaces here; allow them"])
def reason(request, monkeypatch):
    monkeypatch.setattr(isolation, "why_not", lambda: request.param)
    return request.param


def test_process_is_what_was_asked_for(reason):
    assert choose(PROCESS) == Isolation(PROCESS)


def test_bubblewrap_is_had_or_refused_with_the_reason(reason):
    if reason is None:
        assert choose(BUBBLEWRAP) == Isolation(BUBBLEWRAP)
    else:
        with pytest.raises(IsolationError, match=r"^no namespaces here; allow them$"):
            choose(BUBBLEWRAP)


def test_auto_falls_back_with_a_warning(reason):
    chosen = choose(AUTO)
    if reason is None:
        assert chosen == Isolation(BUBBLEWRAP)
    else:
        assert chosen.degree == PROCESS
        assert "student code can read what you can read" in chosen.warning
        assert chosen.warning.endswith(reason)
