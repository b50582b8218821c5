"""`make bench`: a class of 40 in which 10 loop for ever in one cell, beside the same class without, by turns.

All are real commands in a process that starts anew. The ratio counts: at most 2.5.
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
import time
from pathlib import Path

import nbformat
from rich.console import Console
from rich.table import Table

from demo.commands import ASSIGNMENT, Course
from demo.sample_class import cells_by_id
from tests.benchmarks.bench_start import FIRST, GRADE, course_of_one

ROUNDS, CLASS, LOOPING = 3, 40, 10
# What students write; each takes the place of one gradient.
LOOPS = {
    "dbndiff_path1": "while True:\n    dbndiff = bnvar_inv * dbnraw",
    "dlogit_maxes": "i = 0\nwhile i < 32:\n    dlogit_maxes = -dnorm_logits.sum(1, keepdim=True)",
    "dC": "dC = torch.zeros_like(C)\nk = 0\nwhile k < Xb.shape[0]:\n    dC[Xb[k]] += demb[k]",
    "dh": "n_left = 32\nwhile n_left > 0:\n    n_done = 32 - n_left\ndh = dlogits @ W2.T",
}


def main() -> None:
    """Measure and print."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        plain, looping = (course_of(Path(folder) / name, loops) for name, loops in (("plain", 0), ("loops", LOOPING)))
        taken: dict[str, list[float]] = {"all honest": [], f"{LOOPING} with an endless loop": []}
        for number in range(ROUNDS):
            for title, course in zip(taken, (plain, looping), strict=True):
                console.print(f"round {number + 1}: {CLASS} submissions, {title} ...", highlight=False)
                taken[title].append(seconds(course))
    table = Table(title=f"\nexercise 1, classes of {CLASS}, medians of {ROUNDS} rounds by turns", title_justify="left")
    for column in ("", "seconds", "ratio"):
        table.add_column(column, justify="right" if column else "left")
    base = statistics.median(next(iter(taken.values())))
    for title, times in taken.items():
        table.add_row(title, f"{statistics.median(times):.1f}", f"{statistics.median(times) / base:.2f}")
    console.print(table)


def course_of(folder: Path, loops: int) -> Course:
    """A course of 40 who have handed in exercise 1; so many of them with an endless loop."""
    course = course_of_one(folder, f"{FIRST}*")
    submitted = course.folder / "submitted"
    ada = submitted / "ada" / ASSIGNMENT / f"{FIRST}.ipynb"
    answers = itertools.cycle(LOOPS.items())
    for number in range(1, CLASS):
        notebook = nbformat.read(ada, 4)
        if number <= loops:
            grade_id, source = next(answers)
            cells_by_id(notebook)[grade_id].source = source
        target = submitted / f"student{number:02}" / ASSIGNMENT
        target.mkdir(parents=True)
        nbformat.write(notebook, target / ada.name)
    course.instructor(*GRADE)  # the references are kept
    return course


def seconds(course: Course) -> float:
    """The wall time of one run."""
    started = time.perf_counter()
    course.instructor(*GRADE)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
