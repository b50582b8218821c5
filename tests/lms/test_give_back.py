"""Feedback under the names by which the platforms know whose it is."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from autograder.lms.give_back import feedback_zip


@pytest.fixture
def folders(tmp_path):
    """Pages of two students; one has a page of the student's own beside it."""
    for student in ("ada", "ben"):
        for kind, names in (("feedback", ("harbour.html", "mine.html")), ("autograded", ("harbour.ipynb",))):
            folder = tmp_path / kind / student / "port"
            folder.mkdir(parents=True)
            for name in names:
                (folder / name).write_text(f"{student}'s {name}")
    return tmp_path / "feedback", tmp_path / "autograded", "port"


def pages(packed):
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_canvas_finds_the_user_and_the_file(folders):
    """Its own source takes the first two parts that are numbers."""
    packed = feedback_zip(*folders, "canvas", {"ada": {"harbour": "sampleada_LATE_101_9001"}})
    assert pages(packed) == {"sampleada_LATE_101_9001_harbour.html": "ada's harbour.html"}
    assert [part for part in next(iter(pages(packed))).split("_") if re.fullmatch(r"\d+", part)] == ["101", "9001"]
    assert packed.left_out == (f"ben: not imported from canvas; hand over {folders[0] / 'ben' / 'port'} yourself",)


@pytest.mark.parametrize("own", ["Ada Sample_501_assignsubmission_file", "Ada Sample_501_assignsubmission_file_"])
def test_moodle_finds_the_participant(folders, own):
    packed = feedback_zip(
        *folders, "moodle", {"ada": {"harbour": own}, "ben": {"harbour": "Ben_502_assignsubmission_file"}}
    )
    assert pages(packed)[f"{own}/harbour.html"] == "ada's harbour.html"
    assert (packed.pages, packed.left_out) == (2, ())


def test_what_was_handed_in_as_a_zip_has_one_name_for_all(folders):
    packed = feedback_zip(*folders, "canvas", {"ada": {"mine.zip": "a_1_2"}, "ben": {"mine.zip": "b_3_4"}})
    assert set(pages(packed)) == {"a_1_2_harbour.html", "b_3_4_harbour.html"}
