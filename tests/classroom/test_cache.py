"""What is kept for a re-run, and under which circumstances it counts."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import nbformat
import pytest

from autograder.classroom import cache
from autograder.classroom.cache import Cache
from autograder.course.settings import Settings
from autograder.exercise.notebook import read_exercise
from autograder.marking.verdict import CREDIT
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

    @pytest.mark.parametrize("file", ["marking/judge.py", "sandbox/guest/run.py", "text.py", "dojo/compare.py"])
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


class TestKeeping:
    def test_it_comes_back_under_its_key_only(self, course):
        kept = make(course)
        kept.put(ADA, "key", recorded=False)
        assert kept.get("ada", "key", recorded=False) == ADA
        assert kept.get("ada", "other", recorded=False) is None
        assert kept.get("ada", None, recorded=False) is None
        assert kept.get("ben", "key", recorded=False) is None

    def test_what_is_not_in_the_gradebook_does_not_count_for_it(self, course):
        kept = make(course)
        kept.put(ADA, "key", recorded=False)
        assert kept.get("ada", "key", recorded=True) is None
        kept.put(ADA, "key", recorded=True)
        assert kept.get("ada", "key", recorded=True) == kept.get("ada", "key", recorded=False) == ADA

    @pytest.mark.parametrize(
        ("status", "stays"), [("graded", True), ("unreadable", True), ("timeout", False), ("crashed", False)]
    )
    def test_what_may_pass_is_not_kept(self, course, status, stays):
        kept = make(course)
        kept.put(replace(ADA, status=status), "key", recorded=False)
        assert (kept.get("ada", "key", recorded=False) is not None) == stays

    def test_a_missing_notebook_has_no_key_and_is_not_kept(self, course):
        make(course).put(BEN, None, recorded=False)
        assert not (course / "kept").exists()

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"key": "key"}', '{"key": "key", "result": {}}', "\0"])
    def test_what_cannot_be_read_is_graded_again(self, course, text):
        kept = make(course)
        kept.put(ADA, "key", recorded=True)
        (path,) = (course / "kept").rglob("*.json")
        path.write_text(text)
        assert kept.get("ada", "key", recorded=True) is None

    def test_a_fault_in_the_middle_leaves_the_old_one_and_nothing_else(self, course, monkeypatch):
        kept = make(course)
        kept.put(ADA, "key", recorded=False)
        before = {path: path.read_text() for path in course.rglob("*") if path.is_file()}

        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("os.chmod", full)
            with pytest.raises(OSError, match="No space left"):
                kept.put(replace(ADA, score=0.0), "key", recorded=False)
        assert {path: path.read_text() for path in course.rglob("*") if path.is_file()} == before

    def test_it_is_plain_json(self, course):
        make(course).put(ADA, "key", recorded=True)
        (path,) = (course / "kept").rglob("*.json")
        assert set(json.loads(path.read_text())) == {"key", "recorded", "result"}
