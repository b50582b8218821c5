"""CSV files of any usual kind are read, and what is written is no formula."""

from __future__ import annotations

import csv
import io

import pytest

from autograder.course.folder import CourseError
from autograder.lms import sheet
from autograder.lms.sheet import read_sheet, written

TABLE = 'id{0}name\nada{0}Müller\n\nben{0}"Sam{0}ple"\n'


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_and_delimiters(tmp_path, delimiter, encoding):
    path = tmp_path / "class.csv"
    path.write_bytes(TABLE.format(delimiter).encode(encoding))
    found = read_sheet(path)
    assert found.header == ("id", "name")
    assert found.rows[0] == (2, {"id": "ada", "name": "Müller"})
    assert found.rows[1][1]["name"] == f"Sam{delimiter}ple"


@pytest.mark.parametrize(
    ("content", "says"), [("", "is empty"), ("\n \n", "is empty"), ("x" * 200_000 + "\n", "is not a CSV file")]
)
def test_what_is_none(tmp_path, content, says):
    path = tmp_path / "class.csv"
    path.write_text(content)
    with pytest.raises(CourseError, match=says):
        read_sheet(path)


def test_a_file_without_end_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(sheet, "MAX_BYTES", 10)
    (tmp_path / "class.csv").write_text("id\n" * 10)
    with pytest.raises(CourseError, match="has more than"):
        read_sheet(tmp_path / "class.csv")


@pytest.mark.parametrize("first", ["=", "+", "-", "@", " =", "\t="])
def test_no_text_is_a_formula(first):
    text = written(("id", "score"), [[f"{first}HYPERLINK(1)", -1.5], ["ada\nben", None]])
    rows = list(csv.reader(io.StringIO(text)))
    assert rows[1][0].startswith("'")
    assert rows[1][1] == "-1.5"
    assert rows[2] == ["ada ben", ""]
