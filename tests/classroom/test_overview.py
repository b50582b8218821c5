"""A row for each student: from what was kept, what lies in the folder and what the gradebook has."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import nbformat
import pytest

from autograder.classroom.overview import Row, read_overview
from autograder.course.cache import Cache
from autograder.course.register import Register, Standing
from autograder.course.settings import Settings
from autograder.marking.verdict import CREDIT
from tests.marking.test_result import ADA
from tests.notebooks import harbour as harbour_notebook

KEPT = replace(ADA, score=7.0, max_score=8.0)


@pytest.fixture
def course(harbour, tmp_path):
    """An exercise, its cache, and a submitted file for each of four."""
    cache = Cache(tmp_path / "kept", harbour, "0123", Settings(tmp_path / "secret", CREDIT))
    files = {student: tmp_path / student / "harbour.ipynb" for student in ("ada", "ben", "cleo", "dee")}
    for path in files.values():
        path.parent.mkdir()
        nbformat.write(harbour_notebook(), path)
    return harbour, cache, files


def rows(course, register=None, wanted=None):
    exercise, cache, files = course
    found = read_overview("port", [(exercise, cache)], {"harbour": files}, register or Register(), wanted)
    return {row.student: row for row in found.rows}, found


def test_everybody_has_a_row_that_says_what_is_lacking(course):
    exercise, cache, files = course
    cache.put(KEPT, cache.key(files["ada"]), recorded=False)
    cache.put(replace(KEPT, student="ben"), cache.key(files["ben"]), recorded=False)
    files["ben"].write_text("{}")
    files["dee"].unlink()
    found, overview = rows(course, Register(standings={"eli": Standing("Eli E.")}))
    assert {name: (row.missing, row.outdated, row.score("harbour")) for name, row in found.items()} == {
        "ada": ((), (), 7.0),
        "ben": ((), ("harbour",), 7.0),
        "cleo": ((), ("harbour",), None),
        "dee": (("harbour",), (), 0.0),
        "eli": (("harbour",), (), 0.0),
    }
    assert [row.student for row in overview.submitted] == ["ada", "ben"]
    assert overview.marks() == overview.marks("harbour") == [7.0, 7.0]
    assert overview.points == {exercise.name: 8.0}


def test_only_those_who_are_wanted(course):
    assert list(rows(course, wanted=["ada", "nobody"])[0]) == ["ada"]


class TestScores:
    STANDING = Standing(penalty=2.0, late=timedelta(days=1), scores={"harbour": 7.5}, by_hand=frozenset({"harbour"}))

    def test_the_gradebooks_counts_where_the_result_is_recorded(self):
        row = Row("ada", self.STANDING, {"harbour": KEPT}, frozenset({"harbour"}))
        assert (row.score("harbour"), row.total) == (7.5, 5.5)

    def test_a_newer_one_counts_before_an_older_gradebook(self):
        row = Row("ada", self.STANDING, {"harbour": KEPT})
        assert (row.score("harbour"), row.total) == (7.0, 5.0)

    def test_the_gradebook_alone_will_do(self):
        assert Row("ada", self.STANDING).total == 5.5

    def test_no_penalty_makes_it_less_than_nothing(self):
        assert Row("ada", replace(self.STANDING, penalty=100.0), {"harbour": KEPT}).total == 0.0


def test_flags_name_their_exercise_and_what_ended_a_run():
    late = replace(KEPT, exercise="pier", status="timeout", error="too slow", flags=())
    row = Row("ada", results={"harbour": KEPT, "pier": late})
    assert row.flags == ("harbour: a flag", "pier: timeout: too slow")
