"""`make bench`: what grading one submission of exercise 1 costs, side by side on one machine in one run.

Every submission is the solved notebook of the sample class with a line of its own, so that none is skipped as
graded before. Hidden cases, both ways of marking and the sandbox are on, as for a real class.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from statistics import median

import nbformat
import psutil
from rich.console import Console
from rich.table import Table

from demo.commands import ASSIGNMENT, Course, new_course
from demo.sample_class import cells_by_id, solved

ROUNDS = 3  # by turns, whose median counts
STOCK = 6  # submissions for stock nbgrader, which is slow and steady
BEHIND = 200
CLASS = 1000
CLASSES = (10, 100, 1000)  # for growth and memory, whose measuring takes time too

# nbgrader as it is installed: its own steps, a kernel for every notebook.
STOCK_CONFIG = """
from nbgrader import preprocessors as steps
from nbconvert.preprocessors import ClearMetadataPreprocessor
c = get_config()
c.CourseDirectory.course_id = "stock"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
"""


def main() -> None:
    """Measure and print."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        course = replace(new_course(Path(folder), "1_*"), anew=True)
        course.instructor("nbgrader", "generate_assignment", ASSIGNMENT)
        (notebook,) = (course.folder / "assignments" / ASSIGNMENT).glob("*.ipynb")
        source = course.folder / "solutions" / ASSIGNMENT / notebook.name
        answer = solved(nbformat.read(notebook, 4), nbformat.read(source, 4))

        seconds: dict[tuple[str, int], list[float]] = {}

        def measure(title: str, count: int, *command: str) -> None:
            hand_in(course, answer, notebook.name, count)
            console.print(f"{title}, {count} submissions ...", highlight=False)
            started = time.perf_counter()
            course.instructor(*command)
            seconds.setdefault((title, count), []).append(time.perf_counter() - started)

        config = (course.folder / "nbgrader_config.py").read_text()
        grade = ("autograder", "grade", "submitted", "--assignment", ASSIGNMENT)
        for _ in range(ROUNDS):
            (course.folder / "nbgrader_config.py").write_text(STOCK_CONFIG)
            measure("stock nbgrader autograde", STOCK, "nbgrader", "autograde", ASSIGNMENT)
            (course.folder / "nbgrader_config.py").write_text(config)
            measure("ours behind nbgrader autograde", BEHIND, "nbgrader", "autograde", ASSIGNMENT)
            measure("autograder grade", CLASS, *grade)
            measure("autograder grade --gradebook", CLASS, *grade, "--gradebook")
        show([(title, count, median(taken)) for (title, count), taken in seconds.items()], console)

        growth = Table(title="\nautograder grade, growth", title_justify="left")
        for column in ("submissions", "seconds", "ms each", "peak memory, all processes"):
            growth.add_column(column, justify="right")
        for count in CLASSES:
            hand_in(course, answer, notebook.name, count)
            with Memory() as memory:
                started = time.perf_counter()
                course.instructor(*grade, "--force")
                taken = time.perf_counter() - started
            growth.add_row(f"{count}", f"{taken:.1f}", f"{1000 * taken / count:.1f}", f"{memory.peak / 2**20:.0f} MB")
        console.print(growth)
    console.print(f"\nautograder --help: {help_seconds():.2f} s (best of 5)", highlight=False)


def hand_in(course: Course, answer: nbformat.NotebookNode, name: str, count: int) -> None:
    """Fill submitted/ with `count` students, each with a line of their own in the first answer cell."""
    first = next(cell for cell in cells_by_id(answer).values() if cell.metadata["nbgrader"]["solution"])
    original = first.source
    shutil.rmtree(course.folder / "submitted", ignore_errors=True)
    for number in range(count):
        first.source = f"# student {number} at {time.time_ns()}\n{original}"
        folder = course.folder / "submitted" / f"student{number:04d}" / ASSIGNMENT
        folder.mkdir(parents=True, exist_ok=True)
        nbformat.write(answer, folder / name)
        (folder / "timestamp.txt").write_text(time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()))
    first.source = original


def show(rows: list[tuple[str, int, float]], console: Console) -> None:
    """The table: seconds in all, milliseconds each with start-up shared out, and the ratio to the first row."""
    table = Table(title="\nexercise 1, one machine, one run", title_justify="left")
    for column in ("", "submissions", "seconds", "ms each", "times stock"):
        table.add_column(column, justify="right" if column else "left")
    stock = rows[0][2] / rows[0][1]
    for title, count, seconds in rows:
        each = seconds / count
        table.add_row(title, f"{count}", f"{seconds:.1f}", f"{1000 * each:.1f}", f"{stock / each:.0f}")
    console.print(table)


class Memory:
    """The peak of the resident memory of all child processes together, shared pages counted once (PSS)."""

    def __enter__(self) -> Memory:
        self.peak = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            total = 0
            for process in psutil.Process().children(recursive=True):
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:  # it has just ended
                    continue
            self.peak = max(self.peak, total)


def help_seconds() -> float:
    """The best of five runs of `autograder --help`."""
    program = Path(sys.executable).parent / "autograder"
    times = []
    for _ in range(5):
        started = time.perf_counter()
        subprocess.run([program, "--help"], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
