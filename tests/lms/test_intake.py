"""A whole archive: nothing in it stops the others."""

from __future__ import annotations

from datetime import datetime

import pytest

from autograder.lms.archive import Archive
from autograder.lms.canvas import read_canvas
from autograder.lms.gradescope import METADATA, read_gradescope
from autograder.lms.intake import take_in
from autograder.lms.roster import Student

from .zips import GRADESCOPE, zipped

CLASS = [
    Student("ada", "Sample", "Ada", "ada@example.org", "101"),
    Student("ben", "O'Neil-Müller", "Ben", "ben@example.org", "102", "u-2"),
    Student("cleo", "Sample", "Cleo", "cleo@example.org"),
]


@pytest.fixture
def taken(tmp_path):
    def take(files, read=read_canvas, due=None):
        with Archive(zipped(tmp_path / "all.zip", files), "all.zip") as archive:
            contents = read(archive)
            return take_in(contents, archive, CLASS, tmp_path / "submitted", "port", ("harbour",), due)

    return take


def test_canvas(taken, tmp_path):
    intake = taken(
        {
            "sampleada_101_9001_harbour.ipynb": "ada",
            "oneilmüllerben_LATE_102_9002_harbour-1.ipynb": "ben",
            "samplecleo_777_9003_harbour.ipynb": "cleo",
            "nobodyelse_888_9004_harbour.ipynb": "?",
            "../sampleada_101_9005_harbour.ipynb": "evil",
            "sampleada_101_text.html": "",
        },
        due=datetime(2030, 1, 31),
    )
    assert dict(intake.counts) == {"new": 3, "late": 1}
    found = {
        path.parent.parent.name: path.read_text() for path in (tmp_path / "submitted").glob("*/port/harbour.ipynb")
    }
    assert found == {"ada": "ada", "ben": "ben", "cleo": "cleo"}
    assert intake.returns["ben"] == {"harbour": "oneilmüllerben_LATE_102_9002"}
    assert intake.notes == ["samplecleo is taken for cleo by the name alone"]
    assert [fault.split(":")[0] for fault in intake.faults] == [
        *("sampleada_101_text.html", "../sampleada_101_9005_harbour.ipynb", "nobodyelse (888)"),
    ]


def test_gradescope_by_address_and_sid(taken, tmp_path):
    files = {METADATA: GRADESCOPE, "submission_7001/harbour.ipynb": "ada", "submission_7002/harbour.ipynb": "pair"}
    intake = taken(files, read_gradescope, due=datetime(2030, 1, 31, 12))
    assert dict(intake.counts) == {"new": 3, "late": 2}
    assert (tmp_path / "submitted" / "cleo" / "port" / "timestamp.txt").read_text() == "2030-02-01 01:00:00 UTC"
    assert intake.faults == []


def test_of_several_submissions_of_one_the_last_counts(taken, tmp_path):
    metadata = GRADESCOPE.replace("'101'", "u-2").replace("Ada Sample", "Ben Sample").replace("ada@", "ben@")
    files = {METADATA: metadata, "submission_7001/harbour.ipynb": "first", "submission_7002/harbour.ipynb": "last"}
    intake = taken(files, read_gradescope)
    assert (tmp_path / "submitted" / "ben" / "port" / "harbour.ipynb").read_text() == "last"
    assert "ben has 2 submissions in the archive; the last one counts" in intake.notes


def test_one_that_cannot_be_written_stops_no_other(taken, tmp_path):
    (tmp_path / "submitted" / "ada").mkdir(parents=True)
    (tmp_path / "submitted" / "ada" / "port").write_text("in the way")
    names = ("sampleada_101_1_harbour.ipynb", "x_102_2_harbour.ipynb")
    intake = taken(dict.fromkeys(names, "{}"))
    assert dict(intake.counts) == {"new": 1, "late": 0}
    assert "ada/port is in the way" in intake.faults[0]
