"""`make bench`: what one student costs, whom nobody shares the start with, in times of `import torch`.

All are real commands, each in a process that starts anew, by turns; the medians count. Cold: with a new secret and
nothing kept. Warm: with the references kept, and graded with --force.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nbformat
import psutil
from rich.console import Console
from rich.table import Table

from demo.commands import ASSIGNMENT, Course, new_course
from demo.sample_class import solved
from tests.benchmarks.bench_grading import STOCK_CONFIG

ROUNDS = 3
FIRST = "1_manual_backprop"
GRADE = ("autograder", "grade", "submitted", "--assignment", ASSIGNMENT, "--force")
AUTOGRADE = ("nbgrader", "autograde", ASSIGNMENT, "--student=ada", "--force")


def main() -> None:
    """Measure and print."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        one, every = (
            course_of_one(Path(folder) / name, exercises) for name, exercises in (("one", f"{FIRST}*"), ("every", "*"))
        )
        rows: dict[str, Callable[[], object]] = {
            "python -c 'import torch'": lambda: subprocess.run([sys.executable, "-c", "import torch"], check=True),
            "stock nbgrader autograde, one exercise": lambda: stock(one),
            "autograder grade, one exercise, cold": lambda: cold(one).instructor(*GRADE),
            "autograder grade, one exercise, warm": lambda: one.instructor(*GRADE),
            "nbgrader autograde, one exercise, warm": lambda: one.instructor(*AUTOGRADE),
            "stock nbgrader autograde, all exercises": lambda: stock(every),
            "autograder grade, all exercises, cold": lambda: cold(every).instructor(*GRADE),
            "autograder grade, all exercises, warm": lambda: every.instructor(*GRADE),
            "nbgrader autograde, all exercises, warm": lambda: every.instructor(*AUTOGRADE),
        }
        found: dict[str, list[tuple[float, float]]] = {title: [] for title in rows}
        for number in range(ROUNDS):
            for title, run in rows.items():
                console.print(f"round {number + 1}: {title} ...", highlight=False)
                found[title].append(cost(run))
    show({title: medians(costs) for title, costs in found.items()}, console)


def course_of_one(folder: Path, exercises: str) -> Course:
    """A course in which ada has handed in everything, right."""
    course = replace(new_course(folder, exercises), anew=True)
    course.instructor("nbgrader", "generate_assignment", ASSIGNMENT)
    for notebook in (course.folder / "assignments" / ASSIGNMENT).glob("*.ipynb"):
        target = course.folder / "submitted" / "ada" / ASSIGNMENT / notebook.name
        target.parent.mkdir(parents=True, exist_ok=True)
        source = course.folder / "solutions" / ASSIGNMENT / notebook.name
        nbformat.write(solved(nbformat.read(notebook, 4), nbformat.read(source, 4)), target)
    return course


def cold(course: Course) -> Course:
    """The course as it was before anything was graded."""
    shutil.rmtree(course.folder / ".autograder", ignore_errors=True)
    (course.folder / "course-secret").unlink(missing_ok=True)
    return course


def stock(course: Course) -> None:
    """The same submission by nbgrader as it is installed."""
    config = course.folder / "nbgrader_config.py"
    ours = config.read_text()
    try:
        config.write_text(STOCK_CONFIG)
        course.instructor(*AUTOGRADE)
    finally:
        config.write_text(ours)


def cost(run: Callable[[], object]) -> tuple[float, float]:
    """(wall, processor) seconds of what `run` starts."""
    started = time.perf_counter()
    with Processor() as processor:
        run()
        wall = time.perf_counter() - started
    return wall, processor.seconds


class Processor:
    """Processor seconds of all processes that are started in the block.

    Looked up every few milliseconds: the kernel reports nothing of a process that ends with its namespace.
    """

    def __enter__(self) -> Processor:
        self._seen: dict[int, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def seconds(self) -> float:
        """The sum so far."""
        return sum(self._seen.values())

    def _watch(self) -> None:
        while not self._stop.wait(0.02):
            for process in psutil.Process().children(recursive=True):
                try:
                    times = process.cpu_times()
                except psutil.Error:  # it has just ended
                    continue
                self._seen[process.pid] = times.user + times.system


def medians(costs: list[tuple[float, float]]) -> tuple[float, float]:
    """The median of each."""
    return statistics.median(wall for wall, _ in costs), statistics.median(processor for _, processor in costs)


def show(rows: dict[str, tuple[float, float]], console: Console) -> None:
    """The table: seconds, and how many times those of the first row."""
    table = Table(title=f"\none student, medians of {ROUNDS} rounds by turns", title_justify="left")
    for column in ("", "wall s", "times torch", "processor s", "times torch"):
        table.add_column(column, justify="right" if column else "left")
    base_wall, base_processor = next(iter(rows.values()))
    for title, (wall, processor) in rows.items():
        ratios = f"{wall / base_wall:.1f}", f"{processor / base_processor:.1f}"
        table.add_row(title, f"{wall:.1f}", ratios[0], f"{processor:.1f}", ratios[1])
    console.print(table)


if __name__ == "__main__":
    main()
