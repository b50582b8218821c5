"""Files are there whole or not at all."""

from __future__ import annotations

import stat

import pytest

from autograder.files import write_whole


def test_a_file_is_replaced_by_the_whole_text(tmp_path):
    path = tmp_path / "marks.json"
    path.write_text("a longer text that was there before")
    write_whole(path, "ä\n")
    assert path.read_bytes() == "ä\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_text_that_cannot_be_written_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "marks.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "\ud800")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("marks.json", "old")]
