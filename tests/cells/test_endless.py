"""A loop that nothing can end is known by its text; any other has the whole time of a cell."""

from __future__ import annotations

import signal
from types import SimpleNamespace

import pytest

from autograder.cells import alarm, error_line
from autograder.cells.endless import endless_loop
from autograder.cells.ipython import QUIET, compile_cell, new_shell, run_cell, run_compiled
from autograder.cells.namespace import clear

ENDLESS = {
    "pass": "while True:\n    pass",
    "a counter that is forgotten": "i = 0\ns = 0\nwhile i < 5:\n    s += i",
    "with an index": "import torch\nt = torch.zeros(3)\ni = 0\nwhile i < 3:\n    t[i] += 2 * t[i]",
    "over a shape": "import torch\nt = torch.zeros(3)\ni = 0\nwhile i < t.shape[0] or len(t) < i:\n    t[i] += 1",
    "in a function": "def f(n):\n    while n:\n        x = [n, 2]\n        if x:\n            y = n + 1\nf(3)",
    "that prints": "i = 0\nwhile not i:\n    print('still', i)",
    "an inner one": "for k in range(3):\n    while 1:\n        k = k * 1",
    "around an inner one that ends": "while True:\n    j = 0\n    while j < 9:\n        j += 1",
    "asleep": "import time\nwhile True:\n    time.sleep(0.01)",
    "that makes the same again": "import torch\nt = torch.ones(2, 2)\nwhile True:\n    u = torch.tanh(t) @ t.sum(0)",
    "beside magics": "%matplotlib inline\nwhile True:\n    pass",
}
MAY_END = {
    "break": "while True:\n    if False:\n        break",
    "return": "def f():\n    while True:\n        if False:\n            return\nf()",
    "an index that runs out": "t, i = [1] * 10**8, 0\nwhile True:\n    t[i]\n    i += 1",
    "a list that runs out": "t = [1] * 10**8\nwhile True:\n    t.pop()",
    "a condition that changes": "i = 1\nwhile i > 0:\n    i += 1",
    "a condition on a list": "q = [1]\nwhile q:\n    r = q",
    "a condition on a tensor": "import torch\nt = torch.ones(1)\nwhile t[0] > 0:\n    t[0] += 1",
    "a call in the condition": "f = lambda: True\nwhile f():\n    pass",
    "a call in the loop": "f = lambda: 1\nwhile True:\n    f()",
    "a division by what changes": "n = 10**9\nwhile True:\n    n = n - 1\n    x = 1 / n",
    "raises in the end": "n = 0\nwhile True:\n    n += 1\n    if n > 10**9:\n        1 / 0",
    "its name by another": "g = globals()\ni = 0\nwhile i < 1:\n    g['i'] = 0",
    "for": "for i in range(10**12):\n    pass",
    "another print": "def print(*a):\n    pass\nwhile True:\n    print(1)",
    "a slow line, no loop": "sum(1 for i in range(10**12))",
}


@pytest.fixture(scope="module")
def shell(tmp_path_factory):
    return new_shell(str(tmp_path_factory.mktemp("ipython")))


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Look after a moment instead of a second."""
    for module in (alarm, error_line):
        monkeypatch.setattr(module, "LOOK_SECONDS", 0.1)
    yield
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def outcome(shell, source, seconds):
    clear(shell)
    code = compile_cell(shell, source)
    if code is None:
        return run_cell(shell, source, seconds)
    return run_compiled(shell, code, source, seconds, show=True)


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_it_is_stopped_at_the_first_look(shell, source):
    # Without the look the test would take as long as this.
    found = outcome(shell, source, 30.0)
    assert found.timed_out
    assert found.error.startswith("stopped after 0.1 s; nothing ends this loop: while ")


@pytest.mark.parametrize("source", MAY_END.values(), ids=MAY_END)
def test_it_has_all_its_time(shell, source):
    found = outcome(shell, source, 0.4)
    assert (found.timed_out, found.error) == (True, "stopped after 0.4 s; look for a loop that does not end")


def test_a_slow_cell_that_ends_is_not_touched(shell):
    source = "import time\nend = time.monotonic() + 0.3\nwhile time.monotonic() < end:\n    pass\nx = 1"
    assert outcome(shell, source, 30.0) == QUIET
    assert shell.user_ns["x"] == 1


def test_code_that_swallows_the_alarm_is_stopped_by_the_next(shell, monkeypatch):
    monkeypatch.setattr(alarm, "AGAIN", 0.1)
    source = "try:\n    while True:\n        pass\nexcept:\n    pass\nwhile True:\n    pass"
    assert outcome(shell, source, 30.0).timed_out


def test_no_frame_no_loop():
    assert endless_loop(None) is None
    assert endless_loop(SimpleNamespace(f_code=SimpleNamespace(co_filename="x.py"), f_back=None)) is None
