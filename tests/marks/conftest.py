"""One warm grader for all of these tests, and a last line that says what was counted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from autograder.marking.grader import Grader
from autograder.marking.reasons import Explainer
from autograder.marking.verdict import CREDIT
from tests.marks.notebooks import exercise
from tests.warm import warm_grader

COUNTS: list[str] = []


@pytest.fixture(scope="module", autouse=True)
def _no_reasons() -> Iterator[None]:
    """These tests are about marks, which stand by themselves; looking for thousands of reasons takes longer.

    For each module, so that the tests of reasons in the same process have theirs.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Explainer, "why", lambda *args: None)
        yield


@pytest.fixture(scope="session")
def grader() -> Iterator[Grader]:
    with warm_grader(exercise(), b"the secret of the tests of marks", CREDIT, jobs=2) as warm:
        yield warm


@pytest.fixture(scope="session")
def counts() -> list[str]:
    """Sentences for the end of the run."""
    return COUNTS


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand what a worker has counted to the process that prints."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["counts"] = COUNTS


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker has counted."""
    COUNTS.extend(getattr(node, "workeroutput", {}).get("counts", ()))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for sentence in COUNTS:
        terminalreporter.write_line(sentence)
