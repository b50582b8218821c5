"""Two students' code beside each other."""

from __future__ import annotations

from datetime import UTC, datetime

from autograder.classroom.side_by_side import Line, compared, similar_page
from autograder.classroom.similar import Pair
from tests.classroom.test_report import EVIL, Page

KNOWN = frozenset({"dh", "dlogits"})
CELLS = {"ada": ["x = dlogits * 3\ndh = x + 1", ""], "ben": ["y = dlogits * 3", "dh = 4 * dlogits"]}
PAIR = Pair("ada", "ben", 12.0, 0.5, frozenset({"name1 = dlogits * 3"}))


def test_lines_that_both_have_are_marked():
    found = compared(PAIR, "harbour", CELLS, KNOWN)
    assert found.left == ((Line("x = dlogits * 3", True), Line("dh = x + 1", False)),)
    assert found.right == ((Line("y = dlogits * 3", True),), (Line("dh = 4 * dlogits", False),))
    text = similar_page("port", [found], 7, 40, datetime(2026, 1, 2, tzinfo=UTC))
    page = Page(text)
    assert "<mark>x = dlogits * 3</mark><span>dh = x + 1</span>" in text
    said = " ".join(" ".join(page.texts).split())
    assert "7 pairs of 40 students" in said
    assert "50 %" in said
    assert "proves nothing. No mark depends on it." in said


def test_nothing_of_a_submission_runs():
    pair = Pair(EVIL, "ben", 12.0, 0.5, frozenset())
    found = compared(pair, EVIL, {EVIL: [EVIL], "ben": [EVIL]}, KNOWN)
    text = similar_page("port", [found], 1, 2, datetime(2026, 1, 2, tzinfo=UTC))
    page = Page(text)
    assert "script-src 'none'" in text.replace("&#39;", "'")
    assert not any("alert" in code for code in page.code)
    assert not [name for _, name, _ in page.attributes if name in ("src", "onerror", "style")]
    assert not set("\x1b\u202e") & set(text)


def test_without_pairs_it_says_so():
    assert "There is no such pair." in similar_page("port", [], 0, 2, datetime(2026, 1, 2, tzinfo=UTC))
