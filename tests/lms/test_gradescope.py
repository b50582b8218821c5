"""Gradescope's export, and metadata that is none."""

from __future__ import annotations

from datetime import datetime

import pytest

from autograder.course.folder import CourseError
from autograder.lms.archive import Archive
from autograder.lms.gradescope import METADATA, read_gradescope

from .zips import GRADESCOPE, zipped

BOMB = "a: &a [x,x]\n" + "".join(f"{b}: &{b} [*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))


@pytest.fixture
def contents(tmp_path):
    def read(metadata=GRADESCOPE, root="assignment_42_export/", **more):
        files = {} if metadata is None else {f"{root}{METADATA}": metadata}
        files |= {f"{root}submission_7001/harbour.ipynb": "ada", f"{root}submission_7002/src/harbour.ipynb": "ben"}
        with Archive(zipped(tmp_path / "all.zip", files | more), "all.zip") as archive:
            return read_gradescope(archive)

    return read


@pytest.mark.parametrize("root", ["assignment_42_export/", ""])
def test_an_export(contents, root):
    """A group's submission is handed in by each of it; what Ruby alone can read is no error."""
    ada, ben, cleo = contents(root=root).handed_in
    assert (ada.label, ada.ids, ada.when) == ("Ada Sample", ("101", "ada@example.org"), datetime(2030, 1, 31, 10))
    assert list(ada.files) == [("harbour.ipynb",)]
    assert (ben.ids, ben.when) == (("u-2", "BEN@example.org"), datetime(2030, 2, 1, 1))
    assert list(ben.files) == [("src", "harbour.ipynb")]
    assert (cleo.ids, cleo.files) == (("cleo@example.org",), ben.files)


def test_a_folder_that_nobody_owns_is_named(contents):
    found = contents(**{"assignment_42_export/submission_9/x.ipynb": "?"})
    assert found.refused == (f"submission_9: {METADATA} does not say whose it is",)


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        (None, "has no submission_metadata.yml"),
        ("[1, 2", "cannot be read"),
        ("- x", "does not list submissions"),
        ("", "does not list submissions"),
        ("[" * 5000, "cannot be read"),
        (BOMB, "it has an alias"),
    ],
)
def test_metadata_that_is_none(contents, metadata, says):
    with pytest.raises(CourseError, match=says):
        contents(metadata)


@pytest.mark.parametrize(
    "metadata",
    [
        "submission_7001: 5",
        "submission_7001:\n  :submitters: ada",
        "submission_7001:\n  :submitters: [5, [x]]",
    ],
)
def test_an_entry_of_another_form_is_nobodys(contents, metadata):
    assert contents(metadata).handed_in == ()


@pytest.mark.parametrize("created", ["never", "2030-01-31", "!ruby/object:Time {}", "[1]"])
def test_a_time_of_any_form(contents, created):
    metadata = f"submission_7001:\n  :submitters:\n  - :name: [a]\n    :sid: 101\n  :created_at: {created}\n"
    (found,) = contents(metadata).handed_in
    assert (found.label, found.ids) == ("submission_7001", ("101",))
    assert found.when in (None, datetime(2030, 1, 31))
