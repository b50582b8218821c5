"""Files are there whole or not at all."""

from __future__ import annotations

import io
import os
import stat
import zipfile

import pytest

from autograder.files import private_folder, write_whole, zipped


def test_a_file_is_replaced_by_the_whole_text(tmp_path):
    path = tmp_path / "marks.json"
    path.write_text("a longer text that was there before")
    write_whole(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("umask", [0, 0o022, 0o777])
def test_what_is_ours_is_for_its_owner_only_whatever_the_umask(tmp_path, umask):
    before = os.umask(umask)
    try:
        private_folder(tmp_path / ".autograder" / "port")
        write_whole(tmp_path / ".autograder" / "port" / "ada.json", "{}")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.rglob("*")}
    assert modes == {".autograder": 0o700, "port": 0o700, "ada.json": 0o600}


def test_a_name_may_be_as_long_as_the_file_system_allows(tmp_path):
    write_whole(tmp_path / ("x" * 255), "whole")
    assert (tmp_path / ("x" * 255)).read_text() == "whole"


def test_what_utf_8_has_no_bytes_for_is_written_as_its_escape(tmp_path):
    write_whole(tmp_path / "marks.csv", "half an emoji: \ud83d")
    assert (tmp_path / "marks.csv").read_text() == "half an emoji: \\ud83d"


def test_a_text_that_cannot_be_written_leaves_the_old_file_and_nothing_beside_it(tmp_path, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    path = tmp_path / "marks.json"
    path.write_text("old")
    monkeypatch.setattr("os.chmod", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("marks.json", "old")]


def test_the_same_files_make_the_same_archive():
    files = {"b.txt": (b"b", 0o644), "run": (b"#!", 0o755)}
    packed = zipped(files)
    assert zipped(dict(reversed(files.items()))) == packed
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()} == {
            "b.txt": 0o644,
            "run": 0o755,
        }
        assert archive.read("run") == b"#!"
