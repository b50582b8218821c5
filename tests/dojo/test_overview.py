"""All steps of a notebook: `progress()` after some of them."""

from __future__ import annotations

from autograder.dojo import reading
from tests.dojo.book import CHECKS


def test_it_says_the_state_of_every_step_and_the_reasons(book):
    book.answer(ds="ds = -de * e")
    for name in ("dp", "ds", "dw"):
        book.check(name)
    said = book.run("progress()")
    assert "✓ 1 right, ✗ 1 wrong, ↪ 1 right for a wrong gradient, · 0 to do, ○ 5 not compared so far" in said
    assert "2 of 3 steps compared so far" in said
    assert "s: the sign is wrong" in said


def test_it_reads_the_notebook_once(book, monkeypatch):
    book.answer()
    for name in CHECKS:
        book.check(name)
    reads = []
    read = reading._read
    monkeypatch.setattr(reading, "_read", lambda *args: reads.append(args) or read(*args))
    assert f"✓ {len(CHECKS)} right" in book.run("progress()")
    assert len(reads) == 1
