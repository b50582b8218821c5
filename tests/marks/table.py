"""The table of ways: what right answers lose and wrong steps keep, in each way of laying out an answer.

    python -m tests.marks.table write FOLDER
    python -m autograder grade FOLDER/submitted --assignment backprop --json results.json
    python -m tests.marks.table show FOLDER results.json

The second may be run by another version of the autograder. `make bench-ways` runs all three.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat

from tests.marks.layouts import LAYOUTS
from tests.marks.mixed import Wrong, fitting, mixes
from tests.marks.notebooks import SOLUTION, exercise, solutions, variable
from tests.marks.ways import WAYS
from tests.warm import warm_grader

EACH = 4  # right answers of each way, and as many with some wrong steps
MADE = "made.json"  # of each submission the way, and its wrong steps
ROW = "{:48s} {:>13} {:>11} | {:>11} {:>10} {:>4}"


def write(folder: Path) -> None:
    """Write the submissions of all ways below `folder`."""
    made: dict[str, dict[str, Any]] = {}
    with warm_grader(exercise()) as grader:
        answers = Wrong(grader)
        for number, way in enumerate((*WAYS, *LAYOUTS)):
            right = [(fitting(way, cells), set[str]()) for cells in mixes()[:EACH]]
            changed = answers.fitting(way, most=EACH)
            wrong = [(solutions() | cells, {variable(cell) for cell in cells}) for cells in changed]
            for each, (cells, names) in enumerate([*right, *wrong]):
                student = f"way{number:02d}-{each:02d}"
                path = folder / "submitted" / student / SOLUTION.parent.name / SOLUTION.name
                path.parent.mkdir(parents=True, exist_ok=True)
                nbformat.write(way.notebook(cells), path)
                made[student] = {"way": way.name, "wrong": sorted(names)}
    (folder / MADE).write_text(json.dumps(made, indent=1), encoding="utf-8")


def show(made: Mapping[str, Mapping[str, Any]], results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the lines of the table, and one for each step that has another mark than it should. Both are by student."""
    counts = {each["way"]: dict.fromkeys(("right", "lost", "wrong", "bystanders", "kept"), 0) for each in made.values()}
    found = []
    for student, each in made.items():
        if not results[student]["steps"]:
            raise SystemExit(f"{student} has no marks: {results[student]['error']}")
        count, wrong = counts[each["way"]], each["wrong"]
        count["wrong" if wrong else "right"] += len(wrong) or 1
        for step in results[student]["steps"]:
            full = step["points"] == step["max_points"]
            if full == (step["name"] in wrong):
                kind = "kept" if full else "bystanders" if wrong else "lost"
                count[kind] += 1
                said = f"{step['verdict']} ({step['hint'] or step['error'] or ''})"
                found.append(f"{kind}: {step['name']} in {student}, {each['way']}: {said}")
    yield ROW.format("way", "right answers", "false fails", "wrong steps", "bystanders", "kept")
    for way, count in counts.items():
        yield ROW.format(way, *count.values())
    yield ROW.format("all", *(sum(values) for values in zip(*(c.values() for c in counts.values()), strict=True)))
    yield from found


def main(action: str, folder: Path, results: Path | None = None) -> None:
    """Write the submissions, or show the table of the results that grading them gave."""
    if action == "write":
        warnings.simplefilter("ignore")
        write(folder)
    elif results is not None:
        graded = json.loads(results.read_text(encoding="utf-8"))["submissions"]
        made = json.loads((folder / MADE).read_text(encoding="utf-8"))
        print(*show(made, {each["student"]: each for each in graded}), sep="\n")


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
