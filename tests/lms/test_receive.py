"""One submission into submitted/: whole or not at all, and never an older one over a newer."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from autograder.course.folder import CourseError
from autograder.lms import receive as module
from autograder.lms.archive import Archive, EntryError
from autograder.lms.handed_in import HandedIn
from autograder.lms.receive import kept_name, recall, receive, remember

from .zips import packed, zipped

DUE = datetime(2030, 1, 31, 12)
EXERCISES = ("harbour", "1_manual_backprop")


@pytest.fixture
def hand_in(tmp_path):
    """Receive files, by their paths, as one submission."""

    def handed(files, due=DUE, **told):
        with Archive(zipped(tmp_path / "all.zip", files), "all.zip") as archive:
            paths = {tuple(name.split("/")): entry for name, entry in zip(files, archive.entries, strict=True)}
            return receive(HandedIn("x", "1", "x", paths, {}, **told), archive, target(tmp_path), EXERCISES, due)

    return handed


def target(tmp_path):
    return tmp_path / "submitted" / "ada" / "port"


def there(tmp_path):
    folder = target(tmp_path)
    return {str(p.relative_to(folder)): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_new_one(hand_in, tmp_path):
    before = os.umask(0)
    try:
        assert hand_in({"harbour.ipynb": "{}", "pictures/x.txt": "x"}).outcome == "new"
    finally:
        os.umask(before)
    assert there(tmp_path) == {"harbour.ipynb": "{}", "pictures/x.txt": "x"}
    assert target(tmp_path).stat().st_mode & 0o777 == 0o700
    assert (target(tmp_path) / "harbour.ipynb").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in target(tmp_path).parent.iterdir()] == ["port"]


def test_a_newer_one_takes_its_place_whole(hand_in, tmp_path):
    hand_in({"harbour.ipynb": "1", "old.py": ""})
    assert hand_in({"harbour.ipynb": "2"}).outcome == "newer"
    assert there(tmp_path) == {"harbour.ipynb": "2"}


def test_the_same_again_is_not_written(hand_in, tmp_path):
    hand_in({"harbour.ipynb": "1"})
    written = target(tmp_path).stat().st_ino
    assert hand_in({"harbour.ipynb": "1"}).outcome == "unchanged"
    assert target(tmp_path).stat().st_ino == written


class TestTime:
    def test_the_platforms(self, hand_in, tmp_path):
        when = datetime(2030, 1, 31, 11)
        assert not hand_in({"harbour.ipynb": "1"}, when=when).late
        assert there(tmp_path)["timestamp.txt"] == "2030-01-31 11:00:00 UTC"
        assert hand_in({"harbour.ipynb": "2"}, when=datetime(2030, 1, 31, 13)).late

    def test_late_without_a_time_is_a_moment_after_the_due_date(self, hand_in, tmp_path):
        assert hand_in({"harbour.ipynb": "1"}, late=True).late
        assert there(tmp_path)["timestamp.txt"] == "2030-01-31 12:00:01 UTC"

    def test_in_time_without_a_time_has_none(self, hand_in, tmp_path):
        hand_in({"harbour.ipynb": "1"})
        assert "timestamp.txt" not in there(tmp_path)

    def test_late_without_a_due_date_is_said(self, hand_in, tmp_path):
        taken = hand_in({"harbour.ipynb": "1"}, due=None, late=True)
        assert "without a due date in the gradebook nothing follows" in taken.notes[0]
        assert "timestamp.txt" not in there(tmp_path)

    def test_a_flag_that_has_changed_is_taken_over(self, hand_in, tmp_path):
        """An extension: the platform no longer says late."""
        hand_in({"harbour.ipynb": "1"}, late=True)
        assert hand_in({"harbour.ipynb": "1"}).outcome == "unchanged"
        assert "timestamp.txt" not in there(tmp_path)

    def test_an_older_one_does_not_replace(self, hand_in, tmp_path):
        hand_in({"harbour.ipynb": "2"}, when=datetime(2030, 1, 30))
        assert hand_in({"harbour.ipynb": "1"}, when=datetime(2030, 1, 29)).outcome == "older"
        assert there(tmp_path)["harbour.ipynb"] == "2"

    def test_a_students_own_timestamp_is_not_believed(self, hand_in, tmp_path):
        hand_in({"harbour.ipynb": "1", "timestamp.txt": "2000-01-01 00:00:00 UTC"}, late=True)
        assert there(tmp_path)["timestamp.txt"] == "2030-01-31 12:00:01 UTC"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("harbour.ipynb", "harbour.ipynb"),
        ("harbour-1.ipynb", "harbour.ipynb"),
        ("harbour (2).ipynb", "harbour.ipynb"),
        ("harbour(2).ipynb", "harbour.ipynb"),
        ("1_manual_backprop-12.ipynb", "1_manual_backprop.ipynb"),
        ("my-1.ipynb", "my-1.ipynb"),
        ("harbour-final.ipynb", "harbour-final.ipynb"),
        ("harbour-1.py", "harbour-1.py"),
    ],
)
def test_a_numbered_name_is_the_exercises(name, kept):
    assert kept_name(name, EXERCISES) == kept


def test_of_two_numbered_ones_the_later_counts(hand_in, tmp_path):
    taken = hand_in({"harbour.ipynb": "1", "harbour-1.ipynb": "2"})
    assert there(tmp_path) == {"harbour.ipynb": "2"}
    assert taken.notes == ("harbour.ipynb was handed in more than once; the last one counts",)


class TestAZipThatAStudentHandedIn:
    def test_is_opened_without_its_own_folder(self, hand_in, tmp_path):
        hand_in({"mine.zip": packed({"backprop/harbour.ipynb": "1", "backprop/x/y.py": "", "__MACOSX/a": ""})})
        assert there(tmp_path) == {"harbour.ipynb": "1", "x/y.py": ""}

    def test_is_a_file_beside_a_notebook(self, hand_in, tmp_path):
        hand_in({"harbour.ipynb": "1", "data.zip": packed({"a": "b"}).decode("latin-1")})
        assert set(there(tmp_path)) == {"harbour.ipynb", "data.zip"}

    @pytest.mark.parametrize("content", [b"no zip", packed({"../../x": "1"})])
    def test_nothing_in_it_is_no_submission(self, hand_in, tmp_path, content):
        with pytest.raises(EntryError):
            hand_in({"mine.zip": content})
        assert not target(tmp_path).exists()

    def test_a_bomb_is_named_and_left(self, hand_in, tmp_path, monkeypatch):
        monkeypatch.setattr(module, "MAX_BYTES", 1_000_000)
        with pytest.raises(EntryError, match="it has more than"):
            hand_in({"mine.zip": packed({f"{n}": b"\0" * 900_000 for n in range(5)})})
        assert not target(tmp_path).exists()


def test_too_much_is_refused(hand_in, monkeypatch):
    monkeypatch.setattr(module, "MAX_FILES", 2)
    with pytest.raises(EntryError, match="more than 2 files"):
        hand_in(dict.fromkeys(("a", "b", "c"), "x"))


def test_no_more_is_read_of_one_submission_than_it_may_have(hand_in, monkeypatch):
    """A bomb of many files, each within its own limit: it is held in memory while it is read."""
    monkeypatch.setattr(module, "MAX_BYTES", 1_000_000)
    read = []
    monkeypatch.setattr(Archive, "read", lambda archive, entry: read.append(entry) or b"\0" * 600_000)
    with pytest.raises(EntryError, match="it has more than"):
        hand_in({f"{n}.py": "" for n in range(100)})
    assert len(read) == 2


def test_what_is_there_stays_where_the_new_one_cannot_be_written(hand_in, tmp_path, monkeypatch):
    hand_in({"harbour.ipynb": "1"})
    rename = Path.rename

    def refuse(path, place):
        if path.name == "new":
            raise OSError(28, "No space left on device", str(path))
        return rename(path, place)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OSError, match="No space"):
        hand_in({"harbour.ipynb": "2"})
    assert there(tmp_path) == {"harbour.ipynb": "1"}


def test_a_file_that_is_a_folder_too_is_an_error_of_that_submission(hand_in, tmp_path):
    with pytest.raises(OSError, match="a"):
        hand_in({"a": "x", "a/b": "y"})
    assert not target(tmp_path).exists()


def test_a_link_in_its_place_is_not_followed(hand_in, tmp_path):
    target(tmp_path).parent.mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    target(tmp_path).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EntryError, match="is in the way"):
        hand_in({"harbour.ipynb": "1"})
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_what_feedback_is_called_is_kept(tmp_path):
    assert recall(tmp_path, "port", "canvas") == {}
    remember(tmp_path, "port", "canvas", {"ada": {"harbour": "a_1_2"}})
    remember(tmp_path, "port", "canvas", {"ben": {"harbour": "b_3_4"}})
    assert recall(tmp_path, "port", "canvas") == {"ada": {"harbour": "a_1_2"}, "ben": {"harbour": "b_3_4"}}
    assert recall(tmp_path, "port", "moodle") == {}
    (path,) = (tmp_path / ".autograder" / "returns").iterdir()
    assert json.loads(path.read_text())
    path.write_text("{")
    with pytest.raises(CourseError, match="import the zip once more"):
        recall(tmp_path, "port", "canvas")
