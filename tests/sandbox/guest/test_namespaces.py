"""A folder of a submission's own, in processes of their own. Namespaces are tried by tests/hostile."""

from __future__ import annotations

import subprocess
import sys

from autograder.sandbox.guest.namespaces import FILES, OwnFolder

ENTER = """
import os, sys, tempfile
from autograder.sandbox.guest.namespaces import OwnFolder
confinement = OwnFolder()
child = confinement.fork()
if child == 0:
    confinement.enter()
    open("chart.txt", "a").write("changed")
    open("new", "w").close()
    tempfile.NamedTemporaryFile(delete=False)
    print(sorted(n for n in os.listdir(".") if not n.startswith("tmp")), len(os.listdir(".")), flush=True)
    os._exit(0)
os.waitpid(child, 0)
confinement.leave(child)
print(sorted(os.listdir(".")), open("chart.txt").read())
"""

CLOSE = """
import os
from autograder.sandbox.guest.namespaces import close_all_but
pairs = [os.pipe() for _ in range(20)]
kept = pairs[3][1], pairs[0][0], pairs[19][1]
close_all_but(*kept)
print(set(map(int, os.listdir("/proc/self/fd"))) - {0, 1, 2} >= set(kept))
open_ones = [n for n in range(3, 100) if os.path.exists(f"/proc/self/fd/{n}")]
print(open_ones == sorted(kept))
"""


def _run(script, folder):
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=folder, capture_output=True, text=True, check=True, timeout=120
    )
    return done.stdout.splitlines()


def test_a_folder_of_its_own_is_gone_afterwards(tmp_path):
    (tmp_path / "chart.txt").write_text("a chart")
    (tmp_path / "deep").mkdir()
    (tmp_path / ".temporary").mkdir()
    inside, after = _run(ENTER, tmp_path)
    assert inside == "['chart.txt', 'deep', 'new'] 4"
    assert after == "['.temporary', 'chart.txt', 'deep'] a chart"


def test_all_descriptors_but_these_are_closed(tmp_path):
    assert _run(CLOSE, tmp_path) == ["True", "True"]


def test_leaving_what_was_never_entered_is_no_fault(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    OwnFolder().leave(2**22)


def test_there_is_room_for_what_matplotlib_and_the_like_write():
    assert FILES >= 1000
