"""Moodle's folders, of all its versions, with and without the grading worksheet."""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from autograder.course.folder import CourseError
from autograder.lms.archive import Archive
from autograder.lms.moodle import read_moodle
from autograder.lms.sheet import read_sheet

from .zips import WORKSHEET, zipped


@pytest.fixture
def contents(tmp_path):
    def read(*names, worksheet=None):
        sheet = None
        if worksheet is not None:
            (tmp_path / "worksheet.csv").write_text(worksheet)
            sheet = read_sheet(tmp_path / "worksheet.csv")
        with Archive(zipped(tmp_path / "all.zip", {name: name for name in names}), "all.zip") as archive:
            return read_moodle(archive, sheet)

    return read


@pytest.mark.parametrize(
    ("name", "path", "back"),
    [
        ("Ada Sample_501_assignsubmission_file/harbour.ipynb", "harbour.ipynb", "Ada Sample_501_assignsubmission_file"),
        ("Ada Sample_501_assignsubmission_file_/x/y.py", "x/y.py", "Ada Sample_501_assignsubmission_file_"),
        ("Ada Sample_501_assignsubmission_file_1_a.ipynb", "1_a.ipynb", "Ada Sample_501_assignsubmission_file_"),
        ("top/Ada Sample_501_assignsubmission_file/a.ipynb", "a.ipynb", "Ada Sample_501_assignsubmission_file"),
    ],
)
def test_a_folder(contents, name, path, back):
    (found,) = contents(name).handed_in
    assert (found.label, found.lms_id, found.name_key, found.late, found.when) == (
        *("Ada Sample", "501", "adasample"),
        *(False, None),
    )
    assert list(found.files) == [tuple(path.split("/"))]
    assert list(found.returns.values()) == [back]


def test_the_worksheet_tells_who_and_when(contents, monkeypatch):
    """Its times are those of the place where Moodle is, taken for this machine's."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        names = ("Participant_501_assignsubmission_file/a.ipynb", "Participant_502_assignsubmission_file/a.ipynb")
        ada, ben = contents(*names, worksheet=WORKSHEET).handed_in
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (ada.label, ada.name_key, ada.ids, ada.late) == ("Ada Sample", "adasample", ("ada@example.org",), False)
    assert ada.when == datetime(2030, 1, 31, 10, 58)
    assert (ben.late, ben.when) == (True, datetime(2030, 2, 1, 0, 30))


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Ada Sample_501_assignsubmission_onlinetext/onlinetext.html", "Ada Sample (501): a text was submitted"),
        ("harbour.ipynb", "harbour.ipynb: it lies in no folder of Moodle's"),
        ("Ada Sample_501_other_file/harbour.ipynb", "it lies in no folder of Moodle's"),
    ],
)
def test_what_is_no_submission_is_named(contents, name, why):
    found = contents(name)
    assert found.handed_in == ()
    assert why in found.refused[0]


def test_another_csv_file_is_no_worksheet(contents):
    with pytest.raises(CourseError, match="no column Identifier; download the grading worksheet"):
        contents("Ada Sample_501_assignsubmission_file/a.ipynb", worksheet="id,name\n1,Ada\n")
