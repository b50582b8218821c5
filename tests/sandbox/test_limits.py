"""The limits agree with each other, and with what the pages say of them."""

from __future__ import annotations

from dataclasses import asdict

from autograder.sandbox.limits import Limits
from tests.conftest import ROOT

USUAL = Limits()
SECURITY = " ".join((ROOT / "SECURITY.md").read_text(encoding="utf-8").split())
README = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())


def test_a_smaller_thing_has_no_larger_limit():
    assert USUAL.cell_seconds + USUAL.stall_seconds < USUAL.seconds < USUAL.total_seconds
    assert USUAL.tensor_bytes < USUAL.result_bytes < USUAL.memory_bytes
    assert USUAL.file_bytes <= USUAL.disk_bytes


def test_none_is_off():
    """A setting must be above 0 too."""
    assert all(value > 0 for value in asdict(USUAL).values())


def test_the_pages_name_these():
    assert f"{USUAL.disk_bytes // 2**20} MB in each of two folders in memory" in SECURITY
    assert (
        f"{USUAL.cell_seconds:g} s a cell, {USUAL.seconds:g} s a go, {USUAL.total_seconds / 60:g} minutes" in SECURITY
    )
    assert f"{USUAL.result_bytes // 2**20} MB of results" in SECURITY
    assert (
        f"`jobs` times {USUAL.memory_bytes // 2**30} GiB, and {2 * USUAL.disk_bytes // 2**20} MB of files" in SECURITY
    )
    assert f"its cell took more than {USUAL.cell_seconds:g} seconds" in README
