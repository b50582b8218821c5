"""`make bench`: a run in which nothing has changed, for classes of 1,000 to 100,000 submissions of exercise 1.

One submission is graded; the others are links to copies of it, with its result stored. UNCHANGED says for how many.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder.course.cache import Cache
from autograder.course.secret import fingerprint
from autograder.course.settings import load_config, settings_from_config
from autograder.exercise.notebook import read_exercise
from demo.commands import ASSIGNMENT, Course
from tests.benchmarks.bench_grading import Memory
from tests.benchmarks.bench_start import FIRST, GRADE, course_of_one

CLASSES = [int(number) for number in os.environ.get("UNCHANGED", "1000 10000 100000").split()]
RUN = tuple(part for part in GRADE if part != "--force")
LINKS = 10_000  # ext4 has at most 65,000 to one file
COLUMNS = ("submissions", "seconds", "ms each", "with --json and --csv", "peak memory", "kept")


def main() -> None:
    """Measure and print."""
    console = Console()
    table = Table(title="\nautograder grade where nothing has changed", title_justify="left")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        course = course_of_one(Path(folder) / "course", f"{FIRST}*")
        course.instructor(*RUN)
        there = 1
        for count in CLASSES:
            console.print(f"{count} submissions ...", highlight=False)
            copy_submissions(course, range(there, count))
            there = count
            course.instructor(*RUN)  # the digests of the new files are kept
            plain, memory = timed(course)
            documents, _ = timed(course, "--json", "marks.json", "--csv", "marks.csv")
            console.print(f"  {plain:.1f} s, with documents {documents:.1f} s", highlight=False)
            kept = sum(path.stat().st_size for path in (course.folder / ".autograder" / ASSIGNMENT).glob("*.db"))
            table.add_row(
                *(f"{count:,}", f"{plain:.1f}", f"{1000 * plain / count:.2f}", f"{documents:.1f} s"),
                *(f"{memory / 2**20:.0f} MB", f"{kept / 2**20:.1f} MB"),
            )
    console.print(table)


def copy_submissions(course: Course, numbers: range) -> None:
    """Hand in ada's notebook for each number, with her result."""
    with_config = load_config(course.folder)
    settings = settings_from_config(with_config, course.folder)
    exercise = read_exercise(course.folder / "solutions" / ASSIGNMENT / f"{FIRST}.ipynb")
    secret = fingerprint(settings.secret.read_text().strip().encode())
    cache = Cache(course.folder / ".autograder" / ASSIGNMENT, exercise, secret, settings)
    submitted = course.folder / "submitted"
    ada = submitted / "ada" / ASSIGNMENT / f"{FIRST}.ipynb"
    key = cache.key(ada)
    kept = cache.get("ada", key)
    assert kept is not None
    for number in numbers:
        target = submitted / f"student{number:06d}" / ASSIGNMENT
        target.mkdir(parents=True)
        if number % LINKS == 0 or number == numbers.start:
            shared = shutil.copyfile(ada, target / ada.name)
        else:
            (target / ada.name).hardlink_to(shared)
        cache.put(replace(kept.result, student=f"student{number:06d}"), key, recorded=False)
    cache.close()


def timed(course: Course, *more: str) -> tuple[float, int]:
    """(seconds, bytes) of one run."""
    with Memory() as memory:
        started = time.perf_counter()
        course.instructor(*RUN, *more)
        taken = time.perf_counter() - started
    return taken, memory.peak


if __name__ == "__main__":
    main()
