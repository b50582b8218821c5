"""A cell that makes several gradients becomes one cell for each statement."""

from __future__ import annotations

import pytest

from autograder.sandbox.messages import ScriptCell
from autograder.submission.notebook import Submission
from autograder.submission.split import Apart, taken_apart

NAMES = ("da", "db", "dc")


def split(*cells: tuple[str, tuple[str, ...]]) -> tuple[list[tuple[str, tuple[str, ...]]], frozenset[str]]:
    """Take apart cells given as (source, what is recorded after it); the script and what was moved."""
    script = tuple(ScriptCell(index, source, records) for index, (source, records) in enumerate(cells))
    found = apart(*script)
    indices = [cell.index for cell in found.submission.script]
    assert len(set(indices)) == len(indices)
    return [(cell.source, tuple(sorted(cell.records))) for cell in found.submission.script], found.moved


def apart(*script: ScriptCell, raised: tuple[int, ...] = ()) -> Apart:
    return taken_apart(Submission(script, dict.fromkeys(NAMES, ()), dict.fromkeys(NAMES, ()), ()), raised)


@pytest.mark.parametrize("block", ["if True:", "try:", "with torch.no_grad():\n  if n:"])
def test_statements_in_a_block_are_each_in_one_of_their_own(block):
    inner = "    da = 1\n    db = 2" if "\n" in block else "  da = 1\n  db = 2"
    end = "\nexcept ValueError:\n  pass" if block == "try:" else ""
    found, moved = split((f"{block}\n{inner}{end}", ("da", "db")))
    assert moved == {"da", "db"}
    assert [records for _, records in found] == [("da",), ("db",), ()]


def test_a_cell_that_raised_is_taken_apart_too():
    cell = ScriptCell(0, "import nowhere\nda = 1", ("da",))
    assert apart(cell).moved == frozenset()
    assert [each.source for each in apart(cell, raised=(0,)).submission.script] == ["import nowhere", "da = 1", ""]


def test_what_no_statement_makes_alone_is_mixed():
    function = "def back():\n    da = 1\n    return da, 2\nda, db = back()\ndc = 3"
    found = apart(ScriptCell(0, function, NAMES))
    assert found.mixed == {"da", "db"}
    assert {found.cells[index] for index in found.makers["dc"]} == {0}
    assert apart(ScriptCell(0, "exec('da = 1')", ("da",))).mixed >= {"da"}


def test_each_statement_is_a_cell_and_each_gradient_is_recorded_after_the_last_that_makes_it():
    found, moved = split(("da = 1\ndb = da\nda += 1\nprint(db)", ("da", "db")))
    assert moved == {"da", "db"}
    assert found == [("da = 1", ()), ("db = da", ("db",)), ("da += 1", ("da",)), ("print(db)", ()), ("", ())]


def test_a_cell_of_one_gradient_stays_whole():
    cells = [("x = 2\nda = x\nda = da * 2", ("da",)), ("db = da", ("db",))]
    assert split(*cells) == (cells, frozenset())


def test_only_the_cell_that_several_share_is_taken_apart():
    found, moved = split(("dc = 1", ("dc",)), ("da = 1\ndb = 2", ("da", "db")))
    assert moved == {"da", "db"}
    assert found[0] == ("dc = 1", ("dc",))


def test_what_is_made_after_its_moment_does_not_count():
    """da is recorded after the first cell; what the second does to it is too late."""
    cells = [("da = 1", ("da",)), ("da = 2\ndb = 3", ("db",))]
    assert split(*cells) == (cells, frozenset())


@pytest.mark.parametrize(
    "change", ["db += 1", "db[0] = 1", "db.view(-1)[0] = 1", "db.mul_(2)", "torch.add(x, y, out=db)", "x, db = pair"]
)
def test_a_change_in_place_makes_it(change):
    found, moved = split((f"db = 1\nda = 1\n{change}", ("da", "db")))
    assert moved == {"da", "db"}
    assert found[2] == (change, ("db",))


def test_statements_in_a_with_are_each_in_one_of_their_own():
    found, _ = split(("with torch.no_grad():\n    da = 1\n    db = 2", ("da", "db")))
    assert [source for source, _ in found] == [
        "with torch.no_grad():\n    da = 1",
        "with torch.no_grad():\n    db = 2",
        "",
    ]


@pytest.mark.parametrize("magic", ["%%time", "%%capture out"])
def test_a_magic_that_only_watches_is_left_out(magic):
    assert [source for source, _ in split((f"{magic}\nda = 1\ndb = 2", ("da", "db")))[0]] == ["da = 1", "db = 2", ""]


@pytest.mark.parametrize("source", ["%%html\nda = 1\ndb = 2", "da = 1\ndb = (", ""])
def test_what_is_no_python_stays(source):
    cells = [(source, ("da", "db"))]
    assert split(*cells) == (cells, frozenset())


def test_what_no_statement_makes_is_recorded_where_it_is_first_read():
    """Step by step it is given from there on, so that what is made from it keeps its mark."""
    script, _ = split(("da = 1\ndc = db * 2\nother = 3", ()), ("", ("da", "db", "dc")))
    at = script.index(("", ("db",)))
    assert script[at + 1] == ("dc = db * 2", ("dc",))
    assert "db" not in script[-1][1]


def test_what_another_cell_makes_is_recorded_there():
    cells = [("da = 1", ()), ("db = da", ()), ("", ("da",)), ("", ("db", "dc"))]
    assert split(*cells) == (
        [("da = 1", ("da",)), ("db = da", ("db",)), ("", ()), ("", ("dc",))],
        {"da", "db"},
    )


def test_what_a_step_makes_in_its_own_cells_is_complete_after_the_last_of_them():
    script = (ScriptCell(0, "da = 1", ()), ScriptCell(1, "db = da", ("db",)), ScriptCell(2, "", ("da",)))
    own = Submission(script, dict.fromkeys(NAMES, ()), {"da": (0, 2), "db": (1,), "dc": ()}, ())
    assert taken_apart(own).moved == frozenset()


@pytest.mark.parametrize(("code", "leans"), [("db = up * 2", True), ("db = da * 2", False), ("db = twice(da)", True)])
def test_leans(code, leans):
    first = ScriptCell(0, "up = n\nda = up", ("da",))
    other = ScriptCell(1, "def twice(x):\n    return 2 * x", ())
    assert apart(first, other, ScriptCell(2, code, ("db",))).leans("db") == leans
