"""What is kept for a re-run, and under which circumstances it counts."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import shutil
import sqlite3
import zlib
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from autograder.course import cache
from autograder.course import database as database_module
from autograder.course.cache import WORDS, Cache, Key
from autograder.course.settings import Settings
from autograder.exercise.notebook import read_exercise
from autograder.marking.verdict import CREDIT
from autograder.sandbox.host.received import RanCell
from autograder.sandbox.limits import Limits
from tests.marking.test_result import ADA, BEN
from tests.notebooks import by_id, harbour


@pytest.fixture
def course(tmp_path):
    """A folder with an exercise, a file beside it and a submission."""
    (tmp_path / "solutions").mkdir()
    nbformat.write(harbour(), tmp_path / "solutions" / "harbour.ipynb")
    (tmp_path / "solutions" / "chart.txt").write_text("here")
    (tmp_path / "ada.ipynb").write_text("{}")
    return tmp_path


def make(course, secret="0123", credit=CREDIT, limits=None):
    exercise = read_exercise(course / "solutions" / "harbour.ipynb")
    return Cache(course / "kept", exercise, secret, Settings(course / "secret", credit, limits=limits or Limits()))


def key(course, **more):
    return make(course, **more).key(course / "ada.ipynb")


class TestKey:
    def test_it_is_the_same_for_the_same(self, course):
        assert key(course) == key(course) is not None

    @pytest.mark.parametrize(
        "change",
        [
            lambda course: (course / "ada.ipynb").write_text("{ }"),
            lambda course: (course / "solutions" / "chart.txt").write_text("there"),
            lambda course: (course / "solutions" / "more.txt").write_text(""),
        ],
        ids=["submission", "file", "more files"],
    )
    def test_it_is_another_after_a_change(self, course, change):
        before = key(course)
        change(course)
        assert key(course) != before

    def test_there_is_none_for_a_file_too_large_to_grade(self, course):
        """It is not read to the end, for it may be larger than memory."""
        with (course / "ada.ipynb").open("wb") as file:
            file.truncate(2**40)
        assert key(course) is None

    def test_it_is_another_for_another_exercise_secret_credit_limit_and_engine(self, course, monkeypatch):
        """A limit counts: with more time for a cell, what was too slow may not be."""
        keys = {key(course), key(course, secret="4567"), key(course, credit={**CREDIT, "hard-coded": 0.25})}
        keys.add(key(course, limits=Limits(cell_seconds=20.0)))
        notebook = harbour()
        by_id(notebook)["cmp_dkeel"].metadata["nbgrader"]["points"] = 2
        nbformat.write(notebook, course / "solutions" / "harbour.ipynb")
        keys.add(key(course))
        monkeypatch.setattr(cache, "engine_digest", lambda: "changed")
        keys.add(key(course))
        assert len(keys) == 6

    @pytest.mark.parametrize("file", ["dojo/judge.py", "sandbox/guest/run.py", "text.py", "dojo/compare.py"])
    def test_a_change_of_the_code_that_marks_is_another_engine(self, tmp_path, monkeypatch, file):
        package = tmp_path / "autograder"
        shutil.copytree(cache.PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
        monkeypatch.setattr(cache, "PACKAGE", package)
        before = cache.engine_digest.__wrapped__()
        assert before == cache.engine_digest.__wrapped__()
        with (package / file).open("a") as source:
            source.write("# changed\n")
        assert cache.engine_digest.__wrapped__() != before

    def test_there_is_none_for_what_is_no_plain_file(self, course):
        (course / "link").symlink_to(course / "ada.ipynb")
        for name in ("missing", "link", "solutions"):
            assert make(course).key(course / name) is None


KEY, OTHER = Key(*"abcde"), Key(*"abxde")


class TestKeeping:
    def test_it_comes_back_under_its_key_only(self, course):
        kept = make(course)
        kept.put(ADA, KEY, recorded=False)
        assert kept.get("ada", KEY).result == ADA
        assert kept.get("ada", OTHER) is None
        assert kept.get("ada", None) is None
        assert kept.get("ben", KEY) is None

    def test_whatever_it_was_made_from_it_can_be_looked_at(self, course):
        kept = make(course)
        kept.put(ADA, KEY, recorded=True)
        assert (kept.kept("ada").result, kept.kept("ada").recorded) == (ADA, True)
        assert [found.result for found in kept.all()] == [ADA]
        assert kept.changed("ada", OTHER) == ("secret",)
        assert kept.changed("ada", KEY) == kept.changed("ben", KEY) == kept.changed("ada", None) == ()
        assert WORDS.keys() == vars(KEY).keys()

    def test_what_cells_printed_comes_back_unless_it_is_far_too_much(self, course):
        kept = make(course)
        for text, complete in (("some", True), ("x" * (cache.MAX_PRINTED + 1), False)):
            cells = {3: RanCell(text, "ValueError: x", False, 1, 2)}
            kept.put(replace(ADA, cells=cells), KEY, recorded=False)
            found = kept.get("ada", KEY)
            assert (found.complete, found.result.cells) == (complete, cells if complete else {})

    @pytest.mark.parametrize(
        ("status", "stays"), [("graded", True), ("unreadable", True), ("timeout", False), ("crashed", False)]
    )
    def test_what_may_pass_is_kept_to_look_at_and_graded_again(self, course, status, stays):
        kept = make(course)
        kept.put(replace(ADA, status=status), KEY, recorded=False)
        assert (kept.get("ada", KEY) is not None) == stays
        assert kept.kept("ada").result.status == status

    def test_a_missing_notebook_has_no_key_and_is_not_kept(self, course):
        make(course).put(BEN, None, recorded=False)
        assert not (course / "kept").exists()

    def test_what_is_recorded_later_is_noted(self, course):
        kept = make(course)
        kept.recorded("ada")
        assert not (course / "kept").exists()
        cells = {3: RanCell("some", None, False)}
        kept.put(replace(ADA, cells=cells), KEY, recorded=False)
        kept.recorded("ben")
        assert not kept.get("ada", KEY).recorded
        kept.recorded("ada")
        found = make(course).get("ada", KEY)
        assert (found.recorded, found.result, found.result.cells, found.key) == (True, ADA, cells, KEY)

    @pytest.mark.parametrize("name", ["ada", "Zo\xeb", "x" * 250, "caf\udce9", "../ada", ""])
    def test_a_name_may_be_any(self, course, name):
        kept = make(course)
        kept.put(replace(ADA, student=name), KEY, recorded=False)
        kept.put(replace(ADA, student="bob"), KEY, recorded=False)
        assert kept.get(name, KEY).result.student == name
        assert {found.result.student for found in kept.all()} == {name, "bob"}

    def test_looking_makes_no_database(self, course, monkeypatch):
        monkeypatch.setattr(cache, "SETTLED_NS", -1)
        kept = make(course)
        assert kept.get("ada", kept.key(course / "ada.ipynb")) is None
        assert (kept.kept("ada"), list(kept.all()), kept.changed("ada", KEY)) == (None, [], ())
        assert not (course / "kept").exists()

    @pytest.mark.parametrize("column", ["result", "cells", "key"])
    @pytest.mark.parametrize("stored", [b"", b"{", zlib.compress(b"[]"), zlib.compress(b'{"steps": 1}'), "{}", 7])
    def test_a_row_that_cannot_be_read_is_graded_again(self, course, column, stored):
        kept = make(course)
        kept.put(ADA, KEY, recorded=True)
        with contextlib.closing(sqlite3.connect(database(course), isolation_level=None)) as other:
            other.execute(f"UPDATE kept SET {column} = ?", (stored,))
        assert kept.get("ada", KEY) is None
        assert list(kept.all()) == []
        assert kept.changed("ada", OTHER) == (() if column == "key" else ("secret",))

    @pytest.mark.parametrize("content", [b"", b"no database" * 500, b"SQLite format 3\0" + bytes(5000)])
    def test_a_database_that_cannot_be_read_is_empty_and_made_anew(self, course, content):
        make(course).put(ADA, KEY, recorded=True)
        database(course).write_bytes(content)
        kept = make(course)
        assert kept.key(course / "ada.ipynb") is not None
        assert kept.get("ada", KEY) is None
        assert list(kept.all()) == []
        kept.put(ADA, KEY, recorded=True)
        assert make(course).get("ada", KEY).result == ADA

    def test_another_run_may_write_in_between(self, course):
        one, other = make(course), make(course)
        for number in range(20):
            (one if number % 2 else other).put(replace(ADA, student=f"s{number}"), KEY, recorded=False)
        assert all(one.get(f"s{number}", KEY) is not None for number in range(20))

    def test_a_database_that_stays_locked_is_an_error_of_the_file_system(self, course, monkeypatch):
        """Which run.py knows how to say."""
        monkeypatch.setattr(database_module, "LOCKED_SECONDS", 0.0)
        kept = make(course)
        kept.put(ADA, KEY, recorded=False)
        with contextlib.closing(sqlite3.connect(database(course), isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            with pytest.raises(OSError, match="locked") as failed:
                make(course).put(replace(ADA, score=0.0), KEY, recorded=False)
            assert failed.value.filename == str(database(course))
        assert kept.get("ada", KEY).result == ADA

    def test_a_full_disk_leaves_the_old_one(self, course):
        """In a process of its own, whose files may not grow; names that it cannot write are long."""
        kept = make(course)
        kept.put(ADA, KEY, recorded=False)
        kept.close()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                room = database(course).stat().st_size
                resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
                make(course).put(replace(ADA, error=random.Random(0).randbytes(99_999).hex()), KEY, recorded=False)
            except OSError:
                code = 0
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert make(course).get("ada", KEY).result == ADA

    def test_it_is_for_its_owner_only(self, course):
        make(course).put(ADA, KEY, recorded=True)
        assert {path.stat().st_mode & 0o777 for path in (course / "kept").iterdir()} == {0o600}
        assert (course / "kept").stat().st_mode & 0o777 == 0o700


class TestReading:
    """A file that has not changed is not read again."""

    @pytest.fixture
    def old(self, course, monkeypatch):
        """The submission is older than what may still change within one time stamp."""
        monkeypatch.setattr(cache, "SETTLED_NS", -1)
        kept = make(course)
        before = kept.key(course / "ada.ipynb")
        kept.put(ADA, before, recorded=False)
        kept.close()
        return before

    def read(self, course, monkeypatch):
        """The key, and whether the file was read for it."""
        paths = []
        real = Path.read_bytes
        monkeypatch.setattr(Path, "read_bytes", lambda path: paths.append(path.name) or real(path))
        found = make(course).key(course / "ada.ipynb")
        return found, "ada.ipynb" in paths

    def test_not_where_nothing_changed(self, course, old, monkeypatch):
        assert self.read(course, monkeypatch) == (old, False)

    def test_a_file_of_the_same_size_and_time_that_was_written_since_is(self, course, old, monkeypatch):
        path = course / "ada.ipynb"
        before = path.stat()
        path.write_text("[]")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        found, was_read = self.read(course, monkeypatch)
        assert was_read
        assert found != old

    def test_one_that_was_touched_is_read_once_and_is_the_same(self, course, old, monkeypatch):
        (course / "ada.ipynb").touch()
        kept = make(course)
        assert kept.get("ada", kept.key(course / "ada.ipynb")).result == ADA
        kept.close()
        assert self.read(course, monkeypatch) == (old, False)

    def test_one_that_has_just_been_written_is_not_relied_on(self, course, monkeypatch):
        (course / "ada.ipynb").write_text("{}")
        kept = make(course)
        kept.put(ADA, kept.key(course / "ada.ipynb"), recorded=False)
        kept.close()
        assert self.read(course, monkeypatch)[1]


def database(course):
    (path,) = (course / "kept").glob("*.db")
    return path
