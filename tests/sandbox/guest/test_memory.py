"""The warm process before its forks; in a process of its own, because it cannot be taken back."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from autograder.sandbox.guest.memory import address_space

SCRIPT = """
import gc, json, mmap
import numpy, torch
from autograder.sandbox.guest.memory import address_space, first_to_go, into_huge_pages, settle
found = {"before": address_space()}
kept = mmap.mmap(-1, 2**28)
found["after"] = address_space()
found["frozen before"] = gc.get_freeze_count()
found["draws"] = []
for _ in range(2):
    settle()
    found["draws"].append([float(numpy.random.rand()), float(torch.rand(()))])
whole = torch.arange(2**20)
huge = lambda: int(open("/proc/self/smaps_rollup").read().split("AnonHugePages:")[1].split()[0])
try:
    found["huge"] = [huge(), into_huge_pages(), huge()]
except OSError:
    found["huge"] = None
found["intact"] = torch.equal(whole, torch.arange(2**20))
found["frozen"] = gc.get_freeze_count()
first_to_go()
try:
    found["score"] = int(open("/proc/self/oom_score_adj").read())
except OSError:
    found["score"] = None
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found():
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=120)
    return json.loads(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
class TestLinux:
    def test_the_address_space_is_all_that_is_mapped(self, found):
        assert found["after"] - found["before"] >= 2**28
        assert address_space() > 0

    def test_it_goes_before_the_grader(self, found):
        assert found["score"] == 1000


def test_in_huge_pages_all_is_as_it_was(found):
    assert found["intact"]
    assert found["huge"] is None or found["huge"][0] <= found["huge"][-1]


def test_every_grading_has_the_same_random_numbers(found):
    first, second = found["draws"]
    assert first == second


def test_the_collector_leaves_alone_what_forks_share(found):
    assert found["frozen"] > 100_000
    assert found["frozen before"] < 1000
