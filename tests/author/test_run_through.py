"""A notebook run from the top: the first cell that raises is said."""

from autograder.author import run_through
from autograder.author.run_through import run_findings
from tests.notebooks import code


def test_the_example_runs(changed):
    assert list(run_findings(*changed())) == []


def test_the_cell_that_raises_is_named_with_its_error(changed):
    (found,) = run_findings(*changed(dh=("dz2 @ W2.T", "nobody @ W2.T")))
    assert "(dh): the solution does not run from the top: NameError: name 'nobody' is not defined" in found.line()


def test_a_cell_that_takes_long_is_left_and_said(changed, monkeypatch):
    monkeypatch.setattr(run_through, "CELL_SECONDS", 0.2)
    (found,) = run_findings(*changed(lambda book: book.cells.append(code("while True:\n    pass"))))
    assert found.line().startswith("note")


def test_a_run_cell_that_cannot_bear_a_stub_is_a_warning(changed):
    run = code("half = None / 2", nbgrader={"grade_id": "run", "locked": True}, tags=["run"])
    book, exercise = changed(lambda book: book.cells.append(run))
    (found,) = run_findings(book, exercise, untouched=True)
    assert found.line().startswith("warning")
    assert "raises before students have answered" in found.text
