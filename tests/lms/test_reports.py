"""Results as Gradescope, JUnit's readers and Markdown take them."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from autograder.dojo import Comparison
from autograder.lms.reports import MAX_OUTPUT, to_gradescope, to_junit, to_summary
from autograder.marking.result import StepResult, SubmissionResult
from autograder.marking.verdict import Verdict

SAME = Comparison(True, True, 0.0)


def step(name, verdict, points, hint=None, error=None):
    return StepResult(name, name[1:], f"cmp_{name}", verdict, points, 1.0, SAME, hint, error)


RIGHT = step("dkeel", Verdict.EXACT, 1.0)
HALF = step("drope", Verdict.PATH_MISSING, 0.5, "one path is missing")
EVIL = step("dmast", Verdict.ERROR, 0.0, None, "Error: <script>|`x`\x1b[2J\ufffe\ud800")
STEPS = (RIGHT, HALF, EVIL)
GRADED = SubmissionResult("submission", "harbour", "graded", 1.5, 3.0, 0.25, ("uses autograd",), None, STEPS)
GONE = SubmissionResult("x", "port", "missing", 0.0, 2.0, 0.0, error="there is no port.ipynb in the submission")


def test_gradescope():
    found = to_gradescope((GRADED, GONE), 12.34)
    json.dumps(found, allow_nan=False)
    assert (found["score"], found["execution_time"], found["stdout_visibility"]) == (1.5, 12.3, "hidden")
    assert found["extra_data"] == {"flags": ["harbour: uses autograd"]}
    assert "output" not in found
    tests = found["tests"]
    assert [(t["number"], t["name"], t["score"], t["max_score"], t["status"]) for t in tests] == [
        ("1.1", "harbour: dkeel", 1.0, 1.0, "passed"),
        ("1.2", "harbour: drope", 0.5, 1.0, "failed"),
        ("1.3", "harbour: dmast", 0.0, 1.0, "failed"),
        ("2.1", "port: all steps", 0.0, 2.0, "failed"),
    ]
    assert tests[1]["output"] == "path-missing: one path is missing"
    assert tests[3]["output"] == "missing: there is no port.ipynb in the submission"
    assert {t["visibility"] for t in tests} == {"visible"}
    assert "\x1b" not in tests[2]["output"]
    assert sum(t["score"] for t in tests) == found["score"]


@pytest.mark.parametrize("kind", ["test_output_format", "test_name_format"])
def test_what_students_wrote_is_no_markup(kind):
    assert to_gradescope((GRADED,), 1)[kind] == "text"


def test_junit_is_xml_whatever_a_student_wrote():
    root = ElementTree.fromstring(to_junit((GRADED, GONE)))
    assert [(suite.get("name"), suite.get("tests"), suite.get("failures")) for suite in root] == [
        ("harbour", "3", "2"),
        ("port", "1", "1"),
    ]
    failure = root.find("testsuite/testcase[@name='drope']/failure")
    assert failure.get("message") == "0.5 of 1 points"
    assert failure.text == "path-missing: one path is missing"
    assert root.find("testsuite/testcase[@name='dkeel']/failure") is None


def test_the_summary_lists_what_lost_points():
    page = to_summary((GRADED, GONE))
    lines = page.splitlines()
    assert lines[0] == "# 1.5 of 5 points"
    assert "| harbour | drope | 0.5 / 1 | path-missing: one path is missing |" in lines
    assert "dkeel" not in page
    assert r"\<script\>\|\`x\`" in page
    assert all(line.count("|") - line.count("\\|") == 5 for line in lines if line.startswith("|"))
    assert lines[-1] == "harbour: uses autograd"


def test_full_marks_need_no_table():
    full = SubmissionResult("submission", "harbour", "graded", 1.0, 1.0, 0.1, steps=(RIGHT,))
    assert to_summary((full,)) == "# 1 of 1 points\n"


def test_a_flood_is_cut():
    steps = (step("dkeel", Verdict.ERROR, 0, None, "x" * 10**6),)
    flood = SubmissionResult("s", "harbour", "graded", 0, 1.0, 0.1, steps=steps)
    assert len(to_gradescope((flood,), 1)["tests"][0]["output"]) <= MAX_OUTPUT
