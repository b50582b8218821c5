"""The running notebook, read: which cells are whose."""

from __future__ import annotations

from autograder.dojo import notebook
from autograder.dojo.reading import cases_of, error_of, read_notebook
from tests.dojo.book import BACKWARD, FORWARD, PARAMETERS, SETUP


def reading(label="x"):
    session = notebook.current_session()
    return session, read_notebook(session, label)


def test_each_cell_is_whose_it_is(book):
    book.answer()
    _, read = reading()
    assert (read.forward.source, read.backward.source) == (FORWARD, BACKWARD)
    assert [cell.source for cell in read.setup] == [PARAMETERS, SETUP]
    assert read.variables["dw"] == "w"
    assert {name for piece in read.pieces for name in piece.variables} >= {"dp", "de", "dw", "db"}
    assert {"x", "wide", "loss"} <= read.known


def test_an_edited_forward_cell_is_not_the_one_that_was_run(book):
    session, read = reading()
    assert read is not None
    book.run("a = 1", "forward")
    assert read_notebook(session, "another") is None


def test_the_exception_of_the_cell_that_makes_it(book):
    book.run("dp = 1 / 0", "dp")
    _, read = reading()
    assert "ZeroDivisionError" in error_of(read, "dp")
    assert error_of(read, "dw") is None


def test_the_trial_cases_are_made_once(book):
    session, read = reading()
    assert cases_of(session, read) is cases_of(session, read)
