"""grades.csv: one row a student and assignment, whatever a name holds, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import stat

import pytest
from nbgrader.api import Gradebook

from autograder.nbgrader.export import COLUMNS, SafeCsvExportPlugin

NAMES = {"ada": "Ada", "eve": '=HYPERLINK("http://x")', "two": "two\nlines", "com": "a, b"}


@pytest.fixture
def rows(tmp_path):
    with Gradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as gradebook:
        gradebook.add_assignment("port")
        for student, name in NAMES.items():
            gradebook.add_student(student, first_name=name)
        plugin = SafeCsvExportPlugin()
        plugin.to = str(tmp_path / "grades.csv")
        plugin.export(gradebook)
    with (tmp_path / "grades.csv").open(newline="") as file:
        return {row["student_id"]: row for row in csv.DictReader(file)}, tmp_path / "grades.csv"


def test_there_is_a_row_for_each_student(rows):
    found, path = rows
    assert found.keys() == NAMES.keys()
    assert set(found["ada"]) == set(COLUMNS)
    assert len(path.read_text().splitlines()) == 1 + len(NAMES)


def test_a_formula_is_text(rows):
    assert rows[0]["eve"]["first_name"].startswith("'=")


def test_it_is_for_its_owner_only(rows):
    assert stat.S_IMODE(rows[1].stat().st_mode) == 0o600
