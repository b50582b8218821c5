"""The process beside a line's own: it has given up what is not for it, and answers over the same descriptors."""

from __future__ import annotations

import os
import time

import psutil
import pytest

from autograder.sandbox.guest.twin import Twin


@pytest.fixture
def pipes():
    """Two pipes: what the twin reads from, and what it writes to."""
    ends = [*os.pipe(), *os.pipe()]
    yield ends
    for end in ends:
        os.close(end)


def test_it_has_given_up_once_for_all_and_this_process_has_not(pipes):
    requests, asked, answers, answered = pipes
    kept = ["public", "hidden"]

    def serve(size):
        os.write(answered, os.read(requests, size) + str(kept).encode())
        kept.append("served")

    twin = Twin(kept.pop, serve)
    for has in (["public"], ["public", "served"]):
        os.write(asked, b"request")
        twin.serve(len(b"request"))
        assert os.read(answers, 100) == f"request{has}".encode()
        assert kept == ["public", "hidden"]


def test_one_that_raises_has_ended(pipes):
    twin = Twin(lambda: None, lambda size: 1 / 0)
    for _ in range(2):
        with pytest.raises(EOFError):
            twin.serve(1)


def test_it_ends_with_its_parent():
    child = os.fork()
    if child == 0:
        Twin(lambda: None, lambda size: None)
        time.sleep(60)
        os._exit(0)
    deadline = time.monotonic() + 20
    while not (found := psutil.Process(child).children()) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    gone, alive = psutil.wait_procs(found, 20)
    assert len(gone) == 1
    assert not alive
