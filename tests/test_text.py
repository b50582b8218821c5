"""A text is harmless and still itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.text import printable


def test_lines_tabs_and_all_letters_stay():
    assert printable("a\tb\nc ÄŸ中🎓") == "a\tb\nc ÄŸ中🎓"


@pytest.mark.parametrize("evil", ["\x1b[2J", "\r", "\b", "\0", "\x9b1m", "\u202e", "\u2066"])
def test_what_moves_a_cursor_or_turns_the_line_is_replaced(evil):
    assert printable(f"a{evil}b") == f"a\N{REPLACEMENT CHARACTER}{evil[1:]}b"


@given(st.text())
def test_of_any_text_as_many_characters_are_left(text):
    shown = printable(text)
    assert len(shown) == len(text)
    assert all(c.isprintable() or c in "\n\t" for c in shown)
    assert printable(shown) == shown
