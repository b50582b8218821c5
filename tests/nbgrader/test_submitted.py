"""What lies beside a submitted notebook: read and copied, whatever it is."""

from __future__ import annotations

import os

import pytest

from autograder.nbgrader import submitted as module
from autograder.nbgrader.submitted import copy_beside, copy_exercise_files, digest, submitted_at


class TestTime:
    def test_as_nbgrader_writes_it(self, tmp_path):
        (tmp_path / "timestamp.txt").write_text("2024-05-01 10:00:00.5 UTC\n")
        assert submitted_at(tmp_path).isoformat() == "2024-05-01T10:00:00.500000"

    def test_none_where_there_is_none(self, tmp_path):
        notes = []
        assert submitted_at(tmp_path, notes.append) is None
        assert notes == []

    @pytest.mark.parametrize(
        ("text", "says"), [(b"yesterday, I think", "is not a time"), (b"", "is empty"), (b"\xff\xfe1", "is not a time")]
    )
    def test_what_is_no_time_is_named(self, tmp_path, text, says):
        (tmp_path / "timestamp.txt").write_bytes(text)
        notes = []
        assert submitted_at(tmp_path, notes.append) is None
        assert says in notes[0]

    def test_a_folder_in_its_place_is_named(self, tmp_path):
        (tmp_path / "timestamp.txt").mkdir()
        notes = []
        assert submitted_at(tmp_path, notes.append) is None
        assert "is no plain file" in notes[0]


class TestCopies:
    @pytest.fixture
    def folder(self, tmp_path):
        source = tmp_path / "source"
        (source / "deep").mkdir(parents=True)
        for name in ("notes.txt", "deep/more.txt", "x.ipynb", "page.html"):
            (source / name).write_text(name)
        (source / "link.txt").symlink_to(source / "notes.txt")
        os.mkfifo(source / "pipe")
        return source

    def test_plain_files_only_and_no_notebook(self, folder, tmp_path):
        notes = []
        copy_beside(folder, tmp_path / "copy", lambda path: False, notes.append)
        copied = {str(p.relative_to(tmp_path / "copy")) for p in (tmp_path / "copy").rglob("*") if p.is_file()}
        assert copied == {"notes.txt", "deep/more.txt", "page.html"}
        assert {note.partition(" ")[0].rpartition("/")[2] for note in notes} == {"link.txt", "pipe"}

    def test_nothing_that_a_browser_would_run(self, folder, tmp_path):
        copy_beside(folder, tmp_path / "copy", lambda path: False, lambda note: None, active=False)
        assert not (tmp_path / "copy" / "page.html").exists()

    def test_the_exercises_own_replace_what_is_in_their_place(self, folder, tmp_path):
        target = tmp_path / "copy"
        (target / "notes.txt").mkdir(parents=True)
        (target / "deep").write_text("a file where a folder belongs")
        (folder / "link.txt").unlink()
        (folder / "pipe").unlink()
        copy_exercise_files(folder, target, lambda path: False)
        assert (target / "notes.txt").read_text() == "notes.txt"
        assert (target / "deep" / "more.txt").read_text() == "deep/more.txt"

    def test_the_exercises_own_are_as_they_are_now(self, folder, tmp_path, monkeypatch):
        target = tmp_path / "copy"
        (folder / "link.txt").unlink()
        (folder / "pipe").unlink()
        (folder / "large.bin").write_bytes(bytes(range(256)) * 40)
        monkeypatch.setattr(module, "MAX_IN_MEMORY", 1000)
        copy_exercise_files(folder, target, lambda path: False)
        (folder / "notes.txt").write_text("mended notes")
        (target / "notes.txt").chmod(0o444)
        copy_exercise_files(folder, target, lambda path: False)
        assert (target / "notes.txt").read_text() == "mended notes"
        assert (target / "large.bin").read_bytes() == (folder / "large.bin").read_bytes()

    def test_a_link_in_a_files_place_is_replaced_and_not_followed(self, folder, tmp_path):
        target = tmp_path / "copy"
        target.mkdir()
        (folder / "link.txt").unlink()
        (folder / "pipe").unlink()
        (tmp_path / "other").write_text("of somebody else")
        (target / "notes.txt").symlink_to(tmp_path / "other")
        copy_exercise_files(folder, target, lambda path: False)
        assert not (target / "notes.txt").is_symlink()
        assert (tmp_path / "other").read_text() == "of somebody else"


def test_the_digest_follows_the_notebook_and_its_modules(tmp_path):
    notebook = tmp_path / "x.ipynb"
    notebook.write_text("{}")
    first = digest(notebook)
    (tmp_path / "helper.py").write_text("x = 1")
    second = digest(notebook)
    assert len({"", first, second}) == 3
    notebook.unlink()
    assert digest(notebook) == ""
