from __future__ import annotations

import io

import pytest
from rich.console import Console

from autograder.classroom import progress
from autograder.classroom.progress import LINE_EVERY, Tracker


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still but for tick()."""

    class Clock:
        now = 1000.0

        def tick(self, seconds):
            self.now += seconds

    clock = Clock()
    monkeypatch.setattr(progress.time, "monotonic", lambda: clock.now)
    return clock


def test_without_a_terminal_there_are_plain_lines_now_and_then(clock):
    out = io.StringIO()
    with Tracker("harbour", 40, Console(file=out, force_terminal=False)) as tracker:
        for _ in range(40):
            clock.tick(LINE_EVERY / 10)
            tracker.advance()
    assert out.getvalue().splitlines() == [
        "harbour: 10 of 40, 1.0 a second, 30 s left",
        "harbour: 20 of 40, 1.0 a second, 20 s left",
        "harbour: 30 of 40, 1.0 a second, 10 s left",
        "harbour: 40 of 40, 1.0 a second, 0 s left",
    ]


def test_a_short_run_says_nothing(clock):
    out = io.StringIO()
    with Tracker("harbour", 3, Console(file=out, force_terminal=False)) as tracker:
        for _ in range(3):
            clock.tick(1)
            tracker.advance()
    assert out.getvalue() == ""


def test_in_a_terminal_there_is_a_bar_that_goes_away():
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=100)
    with Tracker("harbour", 2, console) as tracker:
        tracker.advance()
        tracker.advance()
    assert "harbour" in out.getvalue()
    assert "2/2" in out.getvalue()
    assert out.getvalue().endswith("\x1b[2K")  # the line is cleared


def test_the_bar_goes_away_after_a_fault():
    out = io.StringIO()
    tracker = Tracker("harbour", 2, Console(file=out, force_terminal=True))
    with pytest.raises(ZeroDivisionError), tracker:
        raise ZeroDivisionError
    assert not tracker._bar.live.is_started
