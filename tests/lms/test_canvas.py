"""Canvas's names, as its own source writes them."""

from __future__ import annotations

import pytest

from autograder.lms.archive import Archive
from autograder.lms.canvas import read_canvas

from .zips import zipped


@pytest.fixture
def contents(tmp_path):
    def read(*names):
        with Archive(zipped(tmp_path / "all.zip", {name: name for name in names}), "all.zip") as archive:
            return read_canvas(archive)

    return read


@pytest.mark.parametrize(
    ("name", "who", "user", "late", "path", "back"),
    [
        ("sampleada_101_9001_harbour.ipynb", "sampleada", "101", False, "harbour.ipynb", "sampleada_101_9001"),
        ("sampleada_LATE_101_9001_harbour.ipynb", "sampleada", "101", True, "harbour.ipynb", "sampleada_LATE_101_9001"),
        (
            "sampleada_101_9001_1_manual_2_x.ipynb",
            "sampleada",
            "101",
            False,
            "1_manual_2_x.ipynb",
            "sampleada_101_9001",
        ),
        ("müllerben_7_8_harbour-1.ipynb", "müllerben", "7", False, "harbour-1.ipynb", "müllerben_7_8"),
        ("late_LATE_7_8_x_LATE_1_2_y.py", "late", "7", True, "x_LATE_1_2_y.py", "late_LATE_7_8"),
        ("all/sampleada_101_9001_harbour.ipynb", "sampleada", "101", False, "harbour.ipynb", "sampleada_101_9001"),
    ],
)
def test_a_name(contents, name, who, user, late, path, back):
    (found,) = contents(name).handed_in
    assert (found.name_key, found.lms_id, found.late) == (who, user, late)
    assert list(found.files) == [(path,)]
    assert found.returns == {(path,): back}
    assert found.when is None


def test_all_files_of_one_are_one_submission(contents):
    """Of two files of one name the one with the higher number came later."""
    names = (
        "sampleada_101_9003_a.ipynb",
        "sampleada_101_9001_b.py",
        "sampleada_101_9002_a.ipynb",
        "benny_102_9_a.ipynb",
    )
    found = contents(*names).handed_in
    assert [each.lms_id for each in found] == ["101", "102"]
    assert {path: entry.name for path, entry in found[0].files.items()} == {
        ("a.ipynb",): "sampleada_101_9003_a.ipynb",
        ("b.py",): "sampleada_101_9001_b.py",
    }


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("sampleada_101_text.html", "a text or a link was submitted"),
        ("sampleada_LATE_101_link.html", "a text or a link was submitted"),
        ("anon_a8Xk2_9001_harbour.ipynb", "switch anonymous grading off"),
        ("harbour.ipynb", "not one of Canvas's"),
    ],
)
def test_what_is_no_submission_is_named(contents, name, why):
    found = contents(name)
    assert found.handed_in == ()
    assert found.refused[0].startswith(f"{name}: ")
    assert why in found.refused[0]
