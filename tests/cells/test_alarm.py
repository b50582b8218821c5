"""The time limit interrupts a cell, whatever it catches, and leaves no alarm behind."""

import signal
import time

import pytest

from autograder.cells.alarm import CellTimeoutError, alarm
from autograder.cells.ipython import CellShell, new_shell, run_cell


@pytest.fixture(scope="module")
def shell(tmp_path_factory) -> CellShell:
    return new_shell(str(tmp_path_factory.mktemp("ipython")))


HANGING_MESSAGE = """
class E(Exception):
    def __str__(self):
        while True:
            pass
raise E
"""


@pytest.mark.parametrize(
    "source",
    [
        "while True:\n    pass",
        "while True:\n    try:\n        while True:\n            pass\n    except Exception:\n        pass",
        "try:\n    while True:\n        pass\nexcept:\n    while True:\n        pass",
        "import time\ntime.sleep(3600)",
        "%time while True: pass",
    ],
)
def test_the_time_limit_interrupts(shell, source):
    outcome = run_cell(shell, source, seconds=0.1)
    assert outcome.timed_out
    assert outcome.error == "stopped after 0.1 s; look for a loop that does not end"


def test_the_time_limit_holds_while_the_message_is_asked_for(shell):
    outcome = run_cell(shell, HANGING_MESSAGE, seconds=0.1)
    assert outcome.error == "stopped after 0.1 s; look for a loop that does not end"
    assert outcome.timed_out


def test_the_cell_after_an_interrupted_one_runs(shell):
    run_cell(shell, "while True:\n    pass", seconds=0.1)
    assert run_cell(shell, "1 + 1", seconds=60).text == "2\n"


def test_no_alarm_is_left():
    with alarm(0.1):
        pass
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
    with pytest.raises(CellTimeoutError), alarm(0.05):
        time.sleep(5)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_without_a_limit_there_is_no_alarm():
    with alarm(None):
        assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
