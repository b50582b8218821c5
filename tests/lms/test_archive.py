"""Zip files, honest and hostile."""

from __future__ import annotations

import io
import zipfile

import pytest

from autograder.course.folder import CourseError
from autograder.lms import archive as module
from autograder.lms.archive import Archive, EntryError

from .zips import packed, with_link, zipped


def opened(path):
    return Archive(path, path.name)


def test_its_files_are_read(tmp_path):
    path = zipped(tmp_path / "all.zip", {"a/x.ipynb": "{}", "__MACOSX/a/._x": "", "a/.DS_Store": "", "b\\y.py": "1"})
    with opened(path) as archive:
        assert [entry.parts for entry in archive.entries] == [("a", "x.ipynb"), ("b", "y.py")]
        assert archive.read(archive.entries[0]) == b"{}"
        assert archive.refused == []


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("../../etc/passwd", "leads out"),
        ("a/../../x", "leads out"),
        ("..\\..\\x", "leads out"),
        ("/etc/passwd", "does not begin"),
        ("C:/x", "does not begin"),
        ("\\\\host\\x", "does not begin"),
        ("a\x1b[2J", "control characters"),
        ("a\u202eb", "control characters"),
        ("x" * 300, "too long"),
    ],
)
def test_a_path_that_is_none_is_refused_and_no_other(tmp_path, name, reason):
    path = zipped(tmp_path / "all.zip", {name: "x", "good.ipynb": "{}"})
    with opened(path) as archive:
        assert [entry.name for entry in archive.entries] == ["good.ipynb"]
        assert reason in archive.refused[0]


def test_a_link_is_refused(tmp_path):
    path = with_link(zipped(tmp_path / "all.zip", {"good.ipynb": "{}"}), "x.ipynb", "/etc/passwd")
    with opened(path) as archive:
        assert [entry.name for entry in archive.entries] == ["good.ipynb"]
        assert "it is a link" in archive.refused[0]


def test_names_without_the_flag_are_utf8_where_they_can_be(tmp_path):
    """As zip programs write them that know no flag; zipfile reads an old code page."""
    path = zipped(tmp_path / "all.zip", {"Müller.ipynb": "{}"})
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset + 1] &= 0xF7
    path.write_bytes(data)
    with opened(path) as archive:
        assert archive.entries[0].name == "Müller.ipynb"


def test_a_bomb_is_not_unpacked_to_its_end(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_ENTRY_BYTES", 3_000_000)
    path = zipped(tmp_path / "all.zip", {"bomb": b"\0" * 50_000_000, "good": "x"})
    assert path.stat().st_size < 100_000
    with opened(path) as archive:
        bomb, good = archive.entries
        with pytest.raises(EntryError, match="more than 3 MB"):
            archive.read(bomb)
        assert archive.read(good) == b"x"


def test_many_small_ones_are_counted_together(tmp_path):
    path = zipped(tmp_path / "all.zip", {f"{n}": b"\0" * 2_000_000 for n in range(4)})
    with Archive(path, "all.zip", left=5_000_000) as archive:
        read = [archive.read(entry) for entry in archive.entries[:2]]
        with pytest.raises(EntryError, match="more than 1 MB"):
            archive.read(archive.entries[2])
    assert len(read) == 2


def test_a_zip_in_the_zip_counts_against_the_same_limit(tmp_path):
    data = packed({"x/1": b"\0" * 2_000_000, "x/2": b"\0" * 2_000_000})
    with Archive(zipped(tmp_path / "all.zip", {"y": "1"}), "all.zip", left=3_000_000) as archive:
        inner = archive.inner(data, "mine.zip")
        assert next(inner)[0] == ("x", "1")
        with pytest.raises(EntryError, match="more than"):
            next(inner)


def test_a_size_that_lies_is_not_believed(tmp_path):
    path = zipped(tmp_path / "all.zip", {"x.ipynb": b"{}" * 1000})
    data = path.read_bytes()
    size = (2000).to_bytes(4, "little")
    path.write_bytes(data.replace(size, (2).to_bytes(4, "little")))
    with opened(path) as archive, pytest.raises(EntryError, match="damaged"):
        archive.read(archive.entries[0])


def test_a_damaged_and_an_encrypted_entry(tmp_path):
    path = zipped(tmp_path / "all.zip", {"x.ipynb": bytes(range(256)) * 50})
    data = bytearray(path.read_bytes())
    data[60:80] = b"\xff" * 20
    with Archive(io.BytesIO(bytes(data)), "x") as archive, pytest.raises(EntryError, match="damaged"):
        archive.read(archive.entries[0])
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    data[6] |= 1
    with Archive(io.BytesIO(bytes(data)), "x") as archive, pytest.raises(EntryError, match="cannot be unpacked"):
        archive.read(archive.entries[0])


WHOLE = packed({"a": "b"})  # it has the time of day in it, and two workers must call a test the same


@pytest.mark.parametrize(
    "content", [b"", b"no zip", b"PK\x03\x04" + b"\0" * 50, WHOLE[:-30]], ids=["empty", "text", "head", "cut short"]
)
def test_what_is_no_zip(tmp_path, content):
    (tmp_path / "all.zip").write_bytes(content)
    with pytest.raises(CourseError, match=r"all.zip is not a zip file .*; download it again"):
        opened(tmp_path / "all.zip")


def test_too_many_entries(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_ENTRIES", 3)
    with pytest.raises(CourseError, match="has 4 entries"):
        opened(zipped(tmp_path / "all.zip", dict.fromkeys("abcd", "")))


def test_any_bytes_end_in_a_sentence(tmp_path):
    """A zip with one byte changed, at each place: no other exception than ours."""
    whole = packed({"a/x.ipynb": "{}" * 40, "b": "y"})
    for at in range(len(whole)):
        data = bytearray(whole)
        data[at] ^= 0xFF
        try:
            with Archive(io.BytesIO(bytes(data)), "x") as archive:
                for entry in archive.entries:
                    archive.read(entry)
        except (CourseError, EntryError):
            continue
    assert zipfile.is_zipfile(io.BytesIO(whole))
