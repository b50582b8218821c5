"""What every page of ours has; tests of the pages are beside them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from jinja2 import UndefinedError

from autograder.classroom.page import render


def test_a_template_shows_nothing_that_it_was_not_given():
    with pytest.raises(UndefinedError):
        render("similar", pairs=[])


def test_numbers_are_short_and_texts_are_one_escaped_line():
    made = str(datetime(2026, 1, 2, tzinfo=UTC))
    page = render("similar", assignment="<b>\nx\x07", pairs=[], found=0, students=2.0, made=made)
    assert "&lt;b&gt; x\N{REPLACEMENT CHARACTER}" in page
    assert "0 pairs of 2 students" in page
