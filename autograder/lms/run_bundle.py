"""Grade one submission with an unpacked bundle, as a platform calls it: submission/ in, results/ out.

Run as `python -m autograder.lms.run_bundle ROOT`; with --prepare before ROOT, it makes the hidden cases that the bundle
does not hold. Ends with 1 and without results where the grader itself failed: that
is no mark, and the platform says so to both sides.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from autograder.course.folder import CASES, KEPT, SOLUTIONS, is_stray
from autograder.course.open_grader import open_course, open_grader
from autograder.course.secret import read_or_create
from autograder.course.settings import Settings
from autograder.exercise.notebook import read_exercise
from autograder.files import write_whole
from autograder.lms.receive import kept_name
from autograder.lms.reports import flags, to_gradescope, to_junit, to_summary
from autograder.marking.result import SubmissionResult
from autograder.sandbox.limits import Limits

COURSE = Path("source", "course")
MANIFEST = "bundle.json"
SECRET = "course-secret"
MAX_LOOKED_AT = 10_000  # files of a submission among which the notebooks are looked for
STUDENT = "submission"


@dataclass(frozen=True)
class Manifest:
    """What a bundle says of itself; see bundle.py, which writes it."""

    assignment: str
    exercises: tuple[str, ...]
    credit: dict[str, float]
    limits: dict[str, Any]
    isolation: str

    def to_json(self) -> str:
        """Return the document bundle.json."""
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the inverse of to_json."""
        found: dict[str, Any] = json.loads(text)
        return cls(**found | {"exercises": tuple(found["exercises"])})


def prepare(root: Path) -> None:
    """Make the hidden cases of the bundle's exercises, where they are not there. Raises ExerciseError, SetupError."""
    from autograder.reference.kept import references_of  # imports torch

    folder = root / COURSE
    manifest = Manifest.from_json((folder / MANIFEST).read_text(encoding="utf-8"))
    secret, _ = read_or_create(folder / SECRET)
    for name in manifest.exercises:
        exercise = read_exercise(folder / SOLUTIONS / manifest.assignment / f"{name}.ipynb")
        references_of(exercise, secret, folder / KEPT / CASES)


def grade_bundle(root: Path) -> tuple[SubmissionResult, ...]:
    """Return the results of the submission in root/submission, one for each exercise of the bundle in root/source.

    Raises what opening a grader raises.
    """
    folder = root / COURSE
    manifest = Manifest.from_json((folder / MANIFEST).read_text(encoding="utf-8"))
    limits = Limits(**manifest.limits)
    settings = Settings(folder / SECRET, manifest.credit, manifest.isolation, limits)
    course = open_course(settings, folder)
    for warning in course.warnings:
        print(warning)
    found = find_notebooks(root / "submission", manifest.exercises)
    results = []
    for name in manifest.exercises:
        exercise = read_exercise(folder / SOLUTIONS / manifest.assignment / f"{name}.ipynb")
        with open_grader(course, exercise) as grader:
            result = grader.grade_file(STUDENT, found[name])
        if result.fault:
            raise RuntimeError(f"{name}: {result.error}")
        results.append(result)
    return tuple(results)


def find_notebooks(submission: Path, exercises: Sequence[str]) -> dict[str, Path]:
    """Return where each exercise's notebook lies: under its own name, else under a numbered one, the topmost first.

    Where there is none, the path at the top, which does not exist. Links are not followed.
    """
    there: list[Path] = []
    for count, path in enumerate(submission.rglob("*.ipynb")):
        if count == MAX_LOOKED_AT:
            break
        if not path.is_symlink() and not any(map(is_stray, path.relative_to(submission).parts)):
            there.append(path)
    there.sort(key=lambda path: (len(path.parts), path.name))
    found = {}
    for name in exercises:
        own = f"{name}.ipynb"
        exact = [path for path in there if path.name == own]
        numbered = [path for path in there if kept_name(path.name, exercises) == own]
        # Of several numbered ones the last: "x-1.ipynb" is older than "x-2.ipynb".
        found[name] = exact[0] if exact else numbered[-1] if numbered else submission / own
    return found


def main() -> None:
    """Write results.json, junit.xml and summary.md; the last argument is the folder with submission/ and source/."""
    root = Path(sys.argv[-1]).absolute()
    if sys.argv[1] == "--prepare":
        prepare(root)
        return
    started = time.monotonic()
    try:
        results = grade_bundle(root)
    except Exception as error:
        sys.exit(f"autograder: the submission could not be graded: {type(error).__name__}: {error}")
    target = root / "results"
    target.mkdir(exist_ok=True)
    document = to_gradescope(results, time.monotonic() - started)
    write_whole(target / "junit.xml", to_junit(results), 0o644)
    write_whole(target / "summary.md", to_summary(results), 0o644)
    write_whole(target / "results.json", json.dumps(document, indent=2, allow_nan=False) + "\n", 0o644)
    score, most = document["score"], sum(result.max_score for result in results)
    print(f"{score:g} of {most:g} points in {document['execution_time']} s", *flags(results), sep="\n")


if __name__ == "__main__":
    main()
