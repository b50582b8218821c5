"""An answer in pieces, and those that one step needs."""

from __future__ import annotations

import pytest

from autograder.dojo.trial.answer import mixed, needed_pieces, own_pieces, pieces_of

VARIABLES = ("da", "db", "dc")


def sources(pieces):
    return [piece.source for piece in pieces]


def test_one_piece_a_statement_also_in_blocks():
    found = pieces_of([(3, "da = 1\nif True:\n    db = 2\n    dc = 3"), (4, "%%time\nda = 5"), (5, "(")], VARIABLES)
    assert [piece.cell for piece in found] == [3, 3, 3, 4]
    assert [set(piece.variables) for piece in found] == [{"da"}, {"db"}, {"dc"}, {"da"}]


def test_of_the_running_cell_what_stands_before_the_comparison():
    cells = [(1, "da = 1\ncmp('a', da, a)\nda = 2"), (2, "da = 3\ncmp('a', da, a)\nda = None")]
    assert sources(pieces_of(cells, VARIABLES, "a"))[-1] == "da = 3"
    assert len(pieces_of(cells, VARIABLES, "a")) == 4
    assert len(pieces_of(cells, VARIABLES, "b")) == 6


@pytest.mark.parametrize(
    ("code", "own"),
    [
        ("da = 1\nda = da + 2", ["da = 1", "da = da + 2"]),
        ("da = 1\nda += 2", ["da = 1", "da += 2"]),
        ("da = 1\nda[0] = 2", ["da = 1", "da[0] = 2"]),
        ("da = 1\nda.add_(2)", ["da = 1", "da.add_(2)"]),
        ("da = 1\ndb = 3\nda = 2", ["da = 2"]),
        ("db = 3", []),
        ("def f():\n    da = 1", []),
    ],
)
def test_from_the_last_that_makes_it_anew(code, own):
    assert sources(own_pieces(pieces_of([(1, code)], VARIABLES), "da")) == own


def test_what_it_uses_comes_along_but_no_other_gradient():
    code = "k = 2\nunused = 1\ndef f(t):\n    return t * k\ndb = f(x)\nn = 3\ndc = f(db) * n\nn = 4"
    pieces = pieces_of([(1, code)], VARIABLES)
    own = own_pieces(pieces, "dc")
    given = needed_pieces(pieces, own, ("da", "db"))
    assert sources(given) == ["k = 2", "def f(t):\n    return t * k", "n = 3", "dc = f(db) * n"]
    assert "db = f(x)" in sources(needed_pieces(pieces, own, (), follow=True))
    assert needed_pieces(pieces, (), ()) == ()


def test_mixed_is_what_makes_several():
    pieces = pieces_of([(1, "da, db = f()\ndc = 1")], VARIABLES)
    assert mixed(own_pieces(pieces, "da"))
    assert not mixed(own_pieces(pieces, "dc"))
