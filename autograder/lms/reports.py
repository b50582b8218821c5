"""One student's results as Gradescope, JUnit's readers and a page in Markdown take them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from autograder.marking.result import StepResult, SubmissionResult
from autograder.text import one_line, printable

MAX_OUTPUT = 5_000  # characters of what is said of a step; parts of it are the student's
PASSED, FAILED = "passed", "failed"


def to_gradescope(results: Sequence[SubmissionResult], seconds: float) -> dict[str, Any]:
    """Return the document results.json: a test a step, with what the feedback page says of it.

    A student sees each test and what it says; flags and what the grader prints are for the instructor.
    """
    return {
        "score": round(sum(result.score for result in results), 2),
        "execution_time": round(seconds, 1),
        "extra_data": {"flags": flags(results)},
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [test for number, result in enumerate(results, 1) for test in _tests(number, result)],
    }


def to_junit(results: Sequence[SubmissionResult]) -> str:
    """Return the results as JUnit XML: a suite an exercise, a case a step; less than full points is a failure."""
    root = ElementTree.Element("testsuites")
    for result in results:
        suite = ElementTree.SubElement(root, "testsuite", name=result.exercise, time=f"{result.seconds:.3f}")
        failures = 0
        for name, points, most, said in _cases(result):
            case = ElementTree.SubElement(suite, "testcase", classname=result.exercise, name=name)
            if points < most:
                failures += 1
                failure = ElementTree.SubElement(case, "failure", message=f"{points:g} of {most:g} points")
                failure.text = _xml(said)
        suite.set("tests", str(len(suite)))
        suite.set("failures", str(failures))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def to_summary(results: Sequence[SubmissionResult]) -> str:
    """Return the results as a page in Markdown: the total, and a table of the steps that lost points."""
    score, most = sum(r.score for r in results), sum(r.max_score for r in results)
    lines = [f"# {score:g} of {most:g} points"]
    lost = [(result, case) for result in results for case in _cases(result) if case[1] < case[2]]
    if lost:
        lines += ["", "| exercise | step | points | why |", "|---|---|---|---|"]
        for result, (name, points, maximum, said) in lost:
            cells = (result.exercise, name, f"{points:g} / {maximum:g}", said)
            lines.append("| " + " | ".join(_markdown(cell) for cell in cells) + " |")
    for line in flags(results):
        lines += ["", _markdown(line)]
    return "\n".join(lines) + "\n"


def flags(results: Sequence[SubmissionResult]) -> list[str]:
    """Return in one line each what an instructor should look at."""
    return [one_line(f"{result.exercise}: {flag}")[:MAX_OUTPUT] for result in results for flag in result.flags]


def _tests(number: int, result: SubmissionResult) -> Iterator[dict[str, Any]]:
    fulls = [step.is_full for step in result.steps] or [False]
    for position, ((name, points, most, said), full) in enumerate(zip(_cases(result), fulls, strict=True), 1):
        yield {
            "name": f"{result.exercise}: {name}",
            "number": f"{number}.{position}",
            "score": round(points, 2),
            "max_score": most,
            "status": PASSED if full else FAILED,
            "output": said,
            "visibility": "visible",
        }


def _cases(result: SubmissionResult) -> list[tuple[str, float, float, str]]:
    """Return (name, points, maximum, what is said of it) of each step; one case for all where nothing was marked."""
    if result.steps:
        return [(step.name, step.points, step.max_points, _said(step)) for step in result.steps]
    reason = printable(f"{result.status}: {result.error}")[:MAX_OUTPUT]
    return [("all steps", result.score, result.max_score, reason)]


def _said(step: StepResult) -> str:
    parts = [step.verdict.value, *filter(None, (step.hint, step.error))]
    return printable(": ".join(parts))[:MAX_OUTPUT]


def _markdown(text: str) -> str:
    """Return text as one cell of a table, without markup of a stranger's."""
    return re.sub(r"([\\`*_\[\]<>|~&#!])", r"\\\1", one_line(text))


def _xml(text: str) -> str:
    """Return the text without the characters that XML cannot hold."""
    return re.sub(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\N{REPLACEMENT CHARACTER}", text)
