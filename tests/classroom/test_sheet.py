"""The class for a spreadsheet."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import datetime, timedelta

from autograder.classroom.overview import Overview, Row
from autograder.classroom.sheet import class_sheet
from autograder.course.register import Standing
from tests.marking.test_result import ADA, RIGHT


def table(harbour, *rows):
    return list(csv.DictReader(class_sheet(Overview("port", (harbour,), {"harbour": 8.0}, rows)).splitlines()))


def test_a_row_a_student_with_a_column_a_step(harbour):
    steps = tuple(replace(RIGHT, name=step.name, points=0.5) for step in harbour.steps)
    result = replace(ADA, score=4.0, steps=steps)
    standing = Standing("Ada S.", datetime(2026, 1, 2), late=timedelta(minutes=90), penalty=1.0)
    ada, zoe = table(harbour, Row("ada", standing, {"harbour": result}), Row("zoe", missing=("harbour",)))
    assert [ada[name] for name in ("student", "name", "total", "max", "penalty", "hours_late", "harbour")] == [
        *("ada", "Ada S.", "3.0", "8.0", "1.0", "1.5", "4.0")
    ]
    assert [ada[f"harbour:{step.name}"] for step in harbour.steps] == ["0.5"] * 8
    assert (zoe["total"], zoe["missing"], zoe["harbour"], zoe["harbour:dkeel"]) == ("", "harbour", "0.0", "")


def test_no_field_is_a_formula_or_ends_a_line(harbour):
    evil = "=HYPERLINK(1)\n@x"
    result = replace(ADA, student=evil, flags=(evil,))
    text = class_sheet(
        Overview("port", (harbour,), {"harbour": 8.0}, (Row(evil, Standing(evil), {"harbour": result}),))
    )
    (_, fields) = csv.reader(text.splitlines())
    assert not [field for field in fields if field[:1] in tuple("=+-@")]
    assert len(text.splitlines()) == 2
