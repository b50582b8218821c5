"""The cells that were run, each once, as it was run last."""

from __future__ import annotations

import pytest

from autograder.dojo.history import cells_of, one_line, texts_of
from tests.dojo.book import Book


@pytest.fixture(name="shell")
def _shell():
    book = Book()
    yield book
    book.close()


def test_a_cell_that_was_run_again_is_one_cell(shell):
    shell.run("a = 1", "first")
    shell.run("b = 2", "second")
    shell.run("a = 3", "first")
    found = cells_of(shell.shell)
    assert [(cell.source, cell.number, cell.runs) for cell in found] == [("b = 2", 2, (2,)), ("a = 3", 3, (1, 3))]


def test_without_ids_a_cell_is_known_by_its_text(shell):
    for source in ("a = 1", "b = 2", "a = 1"):
        shell.shell.run_cell(source, store_history=True)
    assert [(cell.source, cell.runs) for cell in cells_of(shell.shell)] == [("b = 2", (2,)), ("a = 1", (1, 3))]


def test_how_it_ended(shell):
    shell.run("1 / 0", "first")
    shell.run("x = (", "second")
    assert [cell.error for cell in cells_of(shell.shell)] == [
        "ZeroDivisionError: division by zero",
        cells_of(shell.shell)[1].error,
    ]
    assert cells_of(shell.shell)[1].error.startswith(("SyntaxError", "_IncompleteInputError"))
    shell.run("1 / 1", "first")
    assert cells_of(shell.shell)[-1].error is None


def test_an_exception_without_a_text_is_told_too():
    class NoTextError(Exception):
        def __str__(self):
            raise KeyError(1)

    assert one_line(NoTextError()) == "NoTextError: "
    assert one_line(ValueError("a\nb")) == "ValueError: a"


def test_what_is_no_cell_is_not_there(shell):
    shell.shell.run_cell("hidden = 1", store_history=False)
    shell.run("a = 1", "first")
    assert [cell.source for cell in cells_of(shell.shell)] == ["a = 1"]
    assert texts_of(shell.shell)[1:] == ["a = 1"]


def test_a_name_for_people(shell):
    shell.run("# why\n\nalpha = 1\nbeta = 2", "first")
    shell.run("gamma = 'a long line that nobody would want to read to its end'", "second")
    assert cells_of(shell.shell)[0].called == "cell [1] (`alpha = 1`)"
    assert cells_of(shell.shell)[1].called == "cell [2] (`gamma = 'a long line that nobody woul...`)"


def test_a_cell_that_was_interrupted_before_its_first_line_is_no_trouble(shell, capsys):
    shell.shell.events.trigger("post_run_cell", None)  # what IPython does then
    assert capsys.readouterr().out == ""
    shell.run("a = 1", "first")
    assert [cell.error for cell in cells_of(shell.shell)] == [None]
