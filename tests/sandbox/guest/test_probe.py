"""Each way out is found where it is open: an attempt that always fails would prove nothing."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import asdict

import pytest

from autograder.sandbox.guest.probe import escapes
from autograder.sandbox.messages import Bait

TRY = """
import json, sys
from autograder.sandbox.guest.probe import escapes
from autograder.sandbox.messages import Bait
print(json.dumps(escapes(Bait(**json.loads(sys.argv[1])))))
"""
NOTHING = Bait(port=1, abstract="", file="/nowhere/bait", home="", pid=2**22 + 1, read_only=())


@pytest.fixture
def found():
    """What a process without any isolation reports."""

    def run(bait):
        command = [sys.executable, "-c", TRY, json.dumps(asdict(bait))]
        return json.loads(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)

    return run


@pytest.mark.skipif(sys.platform != "linux", reason="abstract sockets and /proc are Linux's")
def test_all_that_is_open_is_found(found, tmp_path):
    (tmp_path / "bait").write_text("bait")
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as local:
        name = f"dojo-test-{os.getpid()}"
        local.bind(f"\0{name}")
        local.listen()
        bait = Bait(
            listener.getsockname()[1], name, str(tmp_path / "bait"), str(tmp_path), os.getpid(), (str(tmp_path),)
        )
        ways = found(bait)
    assert set(ways) >= {
        "reach the network",
        "reach a Unix socket",
        "read the course's files",
        "read the home folder",
        "signal the grader",
        "see other processes",
        "write outside of its own folder",
        "start a process",
    }
    assert list(tmp_path.iterdir()) == [tmp_path / "bait"]


def test_what_is_not_there_is_not_found(found):
    closed = {"reach the network", "reach a Unix socket", "read the course's files", "read the home folder"}
    closed |= {"signal the grader", "write outside of its own folder"}
    assert not closed & set(found(NOTHING))


def test_an_attempt_of_which_the_system_says_no_is_no_escape(monkeypatch):
    def no(*args, **kwargs):
        raise PermissionError

    monkeypatch.setattr(socket, "socket", no)
    monkeypatch.setattr("autograder.sandbox.guest.probe._fork", no)
    monkeypatch.setattr("autograder.sandbox.guest.probe._others", no)
    monkeypatch.setattr("autograder.sandbox.guest.probe._open", no)
    assert escapes(NOTHING) == []
