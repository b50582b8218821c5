"""A time that a submission names is believed where its files say nothing else."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest

from autograder.nbgrader.handed_in import TOLERANCE, mend_time
from autograder.nbgrader.submitted import submitted_at

WHEN = datetime(2024, 5, 1, 10)


@pytest.fixture
def hand_in(tmp_path):
    """A submission whose files were written at a time, as it was collected."""

    def handed(says: str | None, written: datetime):
        source = tmp_path / "inbound"
        source.mkdir()
        (source / "harbour.ipynb").write_text("{}")
        if says is not None:
            (source / "timestamp.txt").write_text(says)
        for path in source.iterdir():
            seconds = written.replace(tzinfo=UTC).timestamp()
            os.utime(path, (seconds, seconds))
        return source, shutil.copytree(source, tmp_path / "submitted")

    return handed


def text(when):
    return f"{when} UTC"


@pytest.mark.parametrize("written", [WHEN, WHEN - timedelta(days=9), WHEN + TOLERANCE])
def test_an_honest_time_stays(hand_in, written):
    source, collected = hand_in(text(WHEN), written)
    assert mend_time(source, collected, WHEN) is None
    assert submitted_at(collected) == WHEN


@pytest.mark.parametrize("says", [text(WHEN - timedelta(days=3)), None, "soon"])
def test_a_time_that_the_files_deny_does_not(hand_in, says):
    source, collected = hand_in(says, WHEN)
    assert mend_time(source, collected, WHEN - timedelta(days=3)) == WHEN
    assert submitted_at(collected) == WHEN


def test_nor_one_that_the_folders_name_denies(hand_in):
    source, collected = hand_in(text(WHEN - timedelta(days=3)), WHEN - timedelta(days=4))
    assert mend_time(source, collected, WHEN) == WHEN
    assert submitted_at(collected) == WHEN


def test_no_file_is_of_tomorrow(hand_in):
    source, collected = hand_in(None, datetime.now(UTC).replace(tzinfo=None) + timedelta(days=400))
    assert mend_time(source, collected, WHEN) < datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=1)
