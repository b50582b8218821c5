"""A course whose only assignment is the small exercise `harbour`, and what can be read off it."""

from __future__ import annotations

import contextlib
import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook

from demo.commands import ROOT, Course
from tests.notebooks import by_id, harbour

ASSIGNMENT, EXERCISE = "port", "harbour"


def new_harbour_course(folder: Path, exercise: Any = None) -> Course:
    """The exercise, or the notebook that is given, is there and generated; nobody has submitted."""
    course = Course(folder / "instructor", folder / "exchange", folder / "students")
    source = course.folder / "solutions" / ASSIGNMENT
    source.mkdir(parents=True)
    nbformat.write(exercise or harbour(), source / f"{EXERCISE}.ipynb")
    (source / "chart.txt").write_text("here be dragons\n")
    shutil.copy(ROOT / "nbgrader_config.py", course.folder)
    (course.folder / "course-secret").write_text("0123456789abcdef" * 4 + "\n")
    course.instructor("nbgrader", "generate_assignment", ASSIGNMENT)
    return course


def twin(course: Course, folder: Path) -> Course:
    """A copy of the course, with its gradebook, secret and submissions."""
    shutil.copytree(course.folder, folder / "instructor", symlinks=True)
    return Course(folder / "instructor", folder / "exchange", folder / "students")


def submitted(course: Course, student: str) -> Path:
    """Where a student's notebook is collected to."""
    return course.folder / "submitted" / student / ASSIGNMENT / f"{EXERCISE}.ipynb"


def hand_in(course: Course, student: str, answers: Mapping[str, str], timestamp: str | None = None) -> None:
    """Put the released notebook with these answers where collecting puts it."""
    released = course.folder / "assignments" / ASSIGNMENT / f"{EXERCISE}.ipynb"
    notebook = copy.deepcopy(nbformat.read(released, as_version=4))
    cells = by_id(notebook)
    for grade_id, source in answers.items():
        cells[grade_id].source = source
    path = submitted(course, student)
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    if timestamp is not None:
        (path.parent / "timestamp.txt").write_text(timestamp)


def rows(course: Course) -> dict[str, Any]:
    """All that the gradebook has of each student: the columns that grading writes."""
    found: dict[str, Any] = {}
    with open_gradebook(course) as gradebook:
        for submission in gradebook.assignment_submissions(ASSIGNMENT):
            (notebook,) = submission.notebooks
            found[submission.student.id] = {
                "timestamp": submission.timestamp,
                "score": submission.score,
                "penalty": notebook.late_submission_penalty,
                "notebook": (notebook.score, notebook.needs_manual_grade, notebook.failed_tests),
                "grades": {
                    grade.name: (
                        *(grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade),
                        *(grade.score, grade.max_score, grade.failed_tests),
                    )
                    for grade in sorted(notebook.grades, key=lambda grade: grade.name)
                },
                "comments": {
                    comment.name: (comment.auto_comment, comment.manual_comment)
                    for comment in sorted(notebook.comments, key=lambda comment: comment.name)
                },
            }
    return found


@contextlib.contextmanager
def open_gradebook(course: Course) -> Iterator[Gradebook]:
    """The course's gradebook."""
    with Gradebook(f"sqlite:///{course.folder / 'gradebook.db'}", "backprop-dojo") as gradebook:
        yield gradebook


def results(path: Path) -> list[dict[str, Any]]:
    """The submissions of a --json document, without what differs from run to run."""
    return [s | {"seconds": 0} for s in json.loads(path.read_text())["submissions"]]


# Reads a line for each run of the program; has imported what takes seconds to import. Sandboxes are forked from a
# run too, instead of started anew: the same processes but for the time that they take to start.
_SERVER = """
import gc, json, os, resource, signal, subprocess, sys
import autograder.marking.grader, autograder.nbgrader.direct, autograder.course.open_grader
import autograder.classroom.run, autograder.nbgrader.plugins, autograder.nbgrader.feedback
import rich.progress, rich.table, sqlalchemy.dialects.sqlite, numpy.ctypeslib
import autograder.sandbox.guest.namespaces
import autograder.sandbox.guest.worker
from autograder.cli import main

class Forked:
    def __init__(self, command, cwd, env, pass_fds, **streams):
        where = command.index("autograder.sandbox.guest.worker")
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                os.chdir(cwd)
                os.environ.clear()
                os.environ.update(env)
                nothing = os.open(os.devnull, os.O_RDWR)
                for number in (0, 1):
                    os.dup2(nothing, number)
                autograder.sandbox.guest.namespaces.close_all_but(*pass_fds)
                sys.argv = command[where:]
                autograder.sandbox.guest.worker.main()
            finally:
                os._exit(0)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)

    def wait(self):
        os.waitpid(self.pid, 0)

subprocess.Popen = Forked
gc.freeze()  # or each run's garbage collector copies all of it
for line in sys.stdin:
    folder, out, file_bytes, args = json.loads(line)
    child = os.fork()
    if child == 0:
        code = 70
        try:
            os.setsid()
            os.chdir(folder)
            for number, path in ((0, os.devnull), (1, out), (2, out)):
                os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND), number)
            if file_bytes is not None:
                resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
            main(args)
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            import traceback
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    print(child, flush=True)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


class Running:
    """A run of the program, the leader of a process group of its own."""

    def __init__(self, server: Programs, pid: int, out: Path) -> None:
        self.pid = pid
        self._server = server
        self._out = out

    def wait(self) -> tuple[int, str]:
        """Its exit code (minus the signal that killed it) and all that it has said."""
        return int(self._server.line()), self._out.read_text(errors="replace")

    def workers(self) -> set[int]:
        """The processes that it has started."""
        found: set[int] = set()
        for thread in Path(f"/proc/{self.pid}/task").glob("*"):
            with contextlib.suppress(OSError):
                found |= {int(child) for child in (thread / "children").read_text().split()}
        return found


class Programs:
    """Starts `autograder` over and over, one at a time, without importing torch each time."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self._folder = folder
        self._count = 0
        self._process = subprocess.Popen(
            [sys.executable, "-c", _SERVER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin", "HOME": str(folder), "TMPDIR": str(temporary)},
        )

    def start(self, course: Course, *args: str, file_bytes: int | None = None) -> Running:
        """Run `autograder grade submitted --assignment port ...` in the course folder."""
        self._count += 1
        out = self._folder / f"said{self._count}"
        command = ("grade", "submitted", "--assignment", ASSIGNMENT, "--isolation", "process", *args)
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(course.folder), str(out), file_bytes, command]) + "\n")
        self._process.stdin.flush()
        return Running(self, int(self.line()), out)

    def run(self, course: Course, *args: str, file_bytes: int | None = None) -> tuple[int, str]:
        """Start and wait."""
        return self.start(course, *args, file_bytes=file_bytes).wait()

    def line(self) -> str:
        """The next line of the server's."""
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()
