"""A sample class of twelve goes through the whole course; ends with their marks and where to look."""

from __future__ import annotations

import csv
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nbformat
from rich.console import Console
from rich.table import Table

from demo.commands import ASSIGNMENT, OTHERS, ROOT, CommandError, Course, new_course
from demo.sample_class import CLASS, Student

CLOCK = "%Y-%m-%d %H:%M:%S UTC"
# An honest cell takes milliseconds; with the usual 10 s, the demo would wait half its time for the endless loop.
QUICK = '\n# For the demo: less time for a loop that never ends.\nc.MarkByEngine.limits = {"cell_seconds": 2.0}\n'
BROWSE = "NBGRADER_EXCHANGE=../exchange ../../.venv/bin/jupyter lab"


def main() -> None:
    """Run the course and print the class."""
    console = Console()
    course = new_course(ROOT / "demo-course")
    with (course.folder / "nbgrader_config.py").open("a") as config:
        config.write(QUICK)
    started = time.monotonic()
    try:
        run(course, console)
    except CommandError as error:
        console.print(f"demo: {error}", style="red", markup=False)
        sys.exit(1)
    show(course, console)
    console.print(f"\n{time.monotonic() - started:.0f} s in all. Where to look next:")
    for what, where in (
        ("a student's feedback page", next(course.home("emil").glob(f"{ASSIGNMENT}/feedback/*/1_*.html"))),
        ("what a student gets", course.exchange / "backprop-dojo" / "outbound" / ASSIGNMENT),
        ("marks as JSON", course.folder / "marks.json"),
        ("the gradebook as a table", course.folder / "grades.csv"),
        ("the class in the browser", f"cd {here(course.folder)} && {BROWSE}"),
        ("", "then the menu Nbgrader > Formgrader"),
    ):
        # soft_wrap: paths and commands are there to be copied.
        console.print(f"  {what:26s} {here(where)}", highlight=False, markup=False, soft_wrap=True)


def here(where: Path | str) -> Path | str:
    """A path as seen from the repository's root; anything else as it is."""
    return where.relative_to(ROOT) if isinstance(where, Path) and where.is_relative_to(ROOT) else where


def run(course: Course, console: Console) -> None:
    """Every step of the course, in order, each timed."""

    def step(title: str, *command: str) -> None:
        with timed(title):
            course.instructor(*command)

    def timed(title: str) -> Timer:
        return Timer(title, console)

    step("generate the students' notebooks", "nbgrader", "generate_assignment", ASSIGNMENT)
    due = time.strftime(CLOCK, time.gmtime(time.time() + 3600))
    step("set a due date", "nbgrader", "db", "assignment", "add", ASSIGNMENT, f"--duedate={due}")
    write_roster(course)
    step("enter the class", "nbgrader", "db", "student", "import", "roster.csv")
    step("release", "nbgrader", "release_assignment", ASSIGNMENT)
    with timed(f"{len(CLASS)} students list, fetch, work and submit"), ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda student: take_part(course, student), CLASS))
    step("collect", "nbgrader", "collect", ASSIGNMENT)
    step(
        "grade for a quick look", "autograder", "grade", "submitted", "--assignment", ASSIGNMENT, "--json", "marks.json"
    )
    step("autograde into the gradebook", "nbgrader", "autograde", ASSIGNMENT)
    step("generate feedback", "nbgrader", "generate_feedback", ASSIGNMENT)
    step("release feedback", "nbgrader", "release_feedback", ASSIGNMENT)
    with timed(f"{len(CLASS)} students fetch their feedback"), ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda s: course.student(s.name, "nbgrader", "fetch_feedback", ASSIGNMENT), CLASS))
    step("export", "nbgrader", "export")
    for assignment in OTHERS:
        with timed(f"{assignment}: generate, and release beside it"):
            course.instructor("nbgrader", "generate_assignment", assignment)
            course.instructor("nbgrader", "release_assignment", assignment)


def write_roster(course: Course) -> None:
    """The class as nbgrader imports it; without it, formgrader knows students by their user names only."""
    with (course.folder / "roster.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "first_name", "last_name"])
        rows.writerows([student.name, student.name.title(), "Sample"] for student in CLASS)


class Timer:
    """Prints a line with the seconds that its block took."""

    def __init__(self, title: str, console: Console) -> None:
        self._title, self._console = title, console

    def __enter__(self) -> None:
        self._started = time.monotonic()

    def __exit__(self, *error: object) -> None:
        if error[0] is None:
            self._console.print(f"{time.monotonic() - self._started:6.1f} s  {self._title}", highlight=False)


def take_part(course: Course, student: Student) -> None:
    """A student's share: look what there is, fetch it, work on it, submit it."""
    course.student(student.name, "nbgrader", "list")
    course.student(student.name, "nbgrader", "fetch_assignment", ASSIGNMENT)
    for solution in sorted((course.folder / "solutions" / ASSIGNMENT).glob("*.ipynb")):
        path = course.home(student.name) / ASSIGNMENT / solution.name
        notebook = student.work(nbformat.read(path, as_version=4), nbformat.read(solution, as_version=4))
        nbformat.write(notebook, path)
    course.student(student.name, "nbgrader", "submit", ASSIGNMENT)
    if student.late:
        hand_in_late(course, student)


def hand_in_late(course: Course, student: Student) -> None:
    """Move the time stamp of a submission past the due date."""
    for stamp in course.exchange.glob(f"*/inbound/{student.name}+*/timestamp.txt"):
        stamp.write_text(time.strftime(CLOCK, time.gmtime(time.time() + 7200)))


def show(course: Course, console: Console) -> None:
    """The class: student, story, score in the gradebook, and the steps that lost points, by exercise."""
    marks: dict[str, list[dict[str, Any]]] = {}
    for submission in json.loads((course.folder / "marks.json").read_text())["submissions"]:
        marks.setdefault(submission["student"], []).append(submission)
    with (course.folder / "grades.csv").open(newline="") as file:
        gradebook = {row["student_id"]: row for row in csv.DictReader(file)}
    stories = {student.name: student.story for student in CLASS}
    table = Table(title=f"\n{ASSIGNMENT}, from the gradebook", title_justify="left")
    for column in ("student", "what they did", "score", "steps that lost points"):
        table.add_column(column, no_wrap=column in ("student", "score"))
    for student, submissions in marks.items():
        row = gradebook[student]
        late = " (late)" if row["timestamp"] > row["duedate"] else ""
        lost = [
            f"{submission['exercise'].partition('_')[0]} {said}"
            for submission in submissions
            if (said := summary([step for step in submission["steps"] if step["points"] < step["max_points"]]))
        ]
        table.add_row(
            student,
            stories[student] + late,
            f"{float(row['score']):g} / {float(row['max_score']):g}",
            "\n".join(lost),
        )
    console.print(table)


def summary(lost: list[dict[str, str]]) -> str:
    """The lost steps by verdict; many of one kind are counted, not listed."""
    kinds: dict[str, list[str]] = {}
    for step in lost:
        kinds.setdefault(step["verdict"], []).append(step["name"])
    return "; ".join(
        f"{kind}: {', '.join(names) if len(names) <= 10 else f'{len(names)} steps'}" for kind, names in kinds.items()
    )


if __name__ == "__main__":
    main()
