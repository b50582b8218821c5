"""The documents: --json as the design has it, --csv for spreadsheets, and the store's own."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.dojo import Comparison
from autograder.marking.result import ClassResult, StepResult, SubmissionResult, result_from_json
from autograder.marking.verdict import Verdict
from autograder.text import one_line

RIGHT = StepResult("dsail", "sail", "cmp_dsail", Verdict.EXACT, 1.0, 1.0, Comparison(True, True, 0.0))
PROBLEM = Comparison(False, False, None, "shape", "expected shape (2,), found (3,)")
WRONG = StepResult("dmast", "mast", "cmp_dmast", Verdict.SHAPE, 0.0, 2.0, PROBLEM, PROBLEM.problem, None)
ADA = SubmissionResult("ada", "harbour", "graded", 1.0, 3.0, 0.04, ("a flag",), None, (RIGHT, WRONG))
BEN = SubmissionResult("ben", "harbour", "missing", 0.0, 3.0, 0.0, error="there is no harbour.ipynb")
CLASS = ClassResult("port", "process", "0123456789abcdef", 1.9, (ADA, BEN))


class TestJson:
    def test_the_document(self):
        assert json.loads(CLASS.to_json()) == {
            "schema": 1,
            "assignment": "port",
            "isolation": "process",
            "secret": "0123456789abcdef",
            "seconds": 1.9,
            "submissions": [
                {
                    "student": "ada",
                    "exercise": "harbour",
                    "status": "graded",
                    "score": 1.0,
                    "max_score": 3.0,
                    "seconds": 0.04,
                    "flags": ["a flag"],
                    "error": None,
                    "steps": [
                        {
                            "name": "dsail",
                            "verdict": "exact",
                            "points": 1.0,
                            "max_points": 1.0,
                            "maxdiff": 0.0,
                            "hint": None,
                            "error": None,
                        },
                        {
                            "name": "dmast",
                            "verdict": "shape",
                            "points": 0.0,
                            "max_points": 2.0,
                            "maxdiff": None,
                            "hint": "expected shape (2,), found (3,)",
                            "error": None,
                        },
                    ],
                },
                {
                    "student": "ben",
                    "exercise": "harbour",
                    "status": "missing",
                    "score": 0.0,
                    "max_score": 3.0,
                    "seconds": 0.0,
                    "flags": [],
                    "error": "there is no harbour.ipynb",
                    "steps": [],
                },
            ],
        }

    @pytest.mark.parametrize("count", [0, 1, 3])
    def test_a_submission_has_a_line(self, count):
        text = replace(CLASS, submissions=(ADA,) * count).to_json()
        assert text.endswith("]\n}\n")
        lines = [json.loads(line.strip().rstrip(",")) for line in text.splitlines() if '"student"' in line]
        assert lines == json.loads(text)["submissions"] == [ADA.to_json()] * count

    @pytest.mark.parametrize("number", [float("nan"), float("inf")])
    def test_what_is_no_json_is_never_written(self, number):
        with pytest.raises(ValueError, match="not JSON compliant"):
            replace(CLASS, submissions=(replace(ADA, score=number),)).to_json()


class TestCsv:
    @staticmethod
    def rows(*submissions):
        return list(csv.DictReader(io.StringIO(replace(CLASS, submissions=submissions).to_csv())))

    def test_a_row_for_each(self):
        ada, ben = self.rows(ADA, BEN)
        assert ada == {
            **{"student": "ada", "exercise": "harbour", "status": "graded", "score": "1.0", "max_score": "3.0"},
            **{"seconds": "0.04", "lost": "dmast: shape", "flags": "a flag", "error": ""},
        }
        assert (ben["status"], ben["score"], ben["error"]) == ("missing", "0.0", "there is no harbour.ipynb")

    @pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "=cmd|' /C calc'!A0"])
    @pytest.mark.parametrize("column", ["student", "error", "flags"])
    def test_a_formula_is_text(self, column, formula):
        (row,) = self.rows(replace(ADA, **{column: (formula,) if column == "flags" else formula}))
        assert row[column].startswith("'")
        assert row[column][1:] == formula.replace("\t", " ").replace("\r", " ")

    @given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
    def test_no_cell_begins_like_a_formula_whatever_the_name(self, name):
        (row,) = self.rows(replace(ADA, student=name))
        assert row["student"][:1] not in ("=", "+", "-", "@", "\t", "\r")
        assert (
            row["student"].removeprefix("'") == one_line(name).removeprefix("'")
            or row["student"] == f"'{one_line(name)}"
        )
        assert "\n" not in row["student"]


class TestStore:
    @pytest.mark.parametrize("result", [ADA, BEN])
    def test_all_of_it_comes_back(self, result):
        assert result_from_json(json.loads(json.dumps(result.to_store()))) == result

    @pytest.mark.parametrize(
        "change",
        [
            lambda stored: stored.pop("steps"),
            lambda stored: stored.update(more=1),
            lambda stored: stored["steps"][0].update(verdict="perfect"),
            lambda stored: stored["steps"][0].pop("comparison"),
            lambda stored: stored.update(steps=3),
            lambda stored: stored.update(flags=None),
        ],
    )
    def test_anything_else_is_refused(self, change):
        stored = json.loads(json.dumps(ADA.to_store()))
        change(stored)
        with pytest.raises((KeyError, TypeError, ValueError)):
            result_from_json(stored)


def test_lost_is_what_did_not_earn_all():
    assert ADA.lost == (WRONG,)
    assert replace(ADA, steps=(replace(RIGHT, points=0.99),)).lost[0].name == "dsail"
