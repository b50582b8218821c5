"""The class as one page of HTML: it needs no network, and runs and shows nothing that a submission brought along."""

from __future__ import annotations

import functools
import os
import statistics
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from autograder.classroom.overview import Overview
from autograder.classroom.page import render
from autograder.classroom.statistics import bins, step_statistics
from autograder.marking.verdict import Verdict

SIGNS: Mapping[str, str] = {
    Verdict.EXACT: "✓",
    Verdict.APPROXIMATE: "✓",
    Verdict.FOLLOW_THROUGH: "↪",
    Verdict.PATH_MISSING: "½",
    Verdict.HARD_CODED: "#",
    Verdict.WRONG: "✗",
    Verdict.SHAPE: "▭",
    Verdict.ERROR: "!",
    Verdict.MISSING: "·",
    Verdict.TIMEOUT: "T",
    Verdict.CRASHED: "†",
    Verdict.AUTOGRAD: "A",
    Verdict.NUMERICAL: "N",
}
"""A sign for each verdict, so that no cell is told by its colour alone."""
Link = Callable[[str, str], str | None]  # from student and exercise to the address of their page


def report_page(overview: Overview, link: Link, made: datetime) -> str:
    """Return the page. link: where a student's marked exercise is shown; None where it is not."""
    return render(
        "report",
        overview=overview,
        link=functools.cache(link),
        steps_of=lambda result: {step.name: step for step in result.steps},
        made=made.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        signs=SIGNS,
        verdicts=list(Verdict),
        histogram=histogram,
        statistics={e.name: step_statistics(overview.results(e.name)) for e in overview.exercises},
        median=statistics.median,
        mean=statistics.fmean,
        duration=duration,
    )


def page_link(folder: Path, beside: Path, feedback: str, autograded: str, assignment: str) -> Link:
    """Return what finds the feedback page of a student's exercise in a course folder, or the marked notebook.

    beside: the folder that the report is written to; addresses begin there.
    """

    def link(student: str, exercise: str) -> str | None:
        for step, suffix in ((feedback, "html"), (autograded, "ipynb")):
            path = folder / step / student / assignment / f"{exercise}.{suffix}"
            if path.is_file():
                return "./" + quote(os.path.relpath(path, beside), errors="surrogateescape")
        return None

    return link


def histogram(marks: list[float], points: float) -> Markup:
    """Return a histogram of marks as SVG, its numbers in its text."""
    ranges = bins(marks, points)
    most = max((count for _, _, count in ranges), default=0) or 1
    wide, high = 40, 120
    bars = []
    for index, (start, _, count) in enumerate(ranges):
        x, tall = 10 + index * wide, high * count / most
        bars.append(f'<rect x="{x + 2}" y="{20 + high - tall:g}" width="{wide - 4}" height="{tall:g}"/>')
        if count:
            bars.append(f'<text x="{x + wide / 2:g}" y="{15 + high - tall:g}">{count}</text>')
        bars.append(f'<text class="axis" x="{x:g}" y="{high + 38}">{start:g}</text>')
    bars.append(f'<text class="axis" x="{10 + len(ranges) * wide}" y="{high + 38}">{points:g}</text>')
    said = ", ".join(f"{start:g} to {end:g}: {count}" for start, end, count in ranges)
    width = 30 + len(ranges) * wide
    return Markup(
        f'<svg class="histogram" viewBox="0 0 {width} {high + 45}" width="{width}" role="img" '
        f'aria-label="Students by marks. {said}"><path class="axis" d="M10 {high + 20.5}H{width - 20}"/>'
        f"{''.join(bars)}</svg>"
    )


def duration(time: timedelta) -> str:
    """Return a time in words, such as 2 d 3 h; down to minutes."""
    minutes = int(time.total_seconds() // 60)
    parts = [(minutes // 1440, "d"), (minutes // 60 % 24, "h"), (minutes % 60, "min")]
    return " ".join(f"{number} {unit}" for number, unit in parts if number) or "less than a minute"
