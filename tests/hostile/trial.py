"""One run of the whole corpus through the real engine, honest submissions in between, and what it left."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import hashlib
import os
import socket
import stat
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import psutil

from autograder.exercise.notebook import read_exercise
from autograder.marking.result import SubmissionResult
from autograder.marking.verdict import CREDIT
from autograder.sandbox.limits import Limits
from tests.hostile.corpus import ATTACKS, SECRET_WORD, Attack
from tests.notebooks import harbour
from tests.warm import warm_grader

QUICK = Limits(cell_seconds=0.5, stall_seconds=0.5, seconds=10.0, memory_bytes=2**29, result_bytes=2**23)
JOBS = 2
EVERY = 4  # an honest submission after so many hostile ones
WARM_UP = 8
Snapshot = dict[str, Any]


@dataclass
class Trial:
    """What came of it. leaks: growth, in MB, of the memory of the grader and of its warm processes."""

    marks: dict[str, SubmissionResult] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    reached: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    descriptors: tuple[int, int] = (0, 0)
    grown: dict[str, float] = field(default_factory=dict)

    def contained(self, attack: Attack) -> bool:
        """Whether nothing that it printed or raised says that it got out."""
        cells = self.marks[attack.student].cells.values()
        said = [f"{cell.text} {cell.error if SECRET_WORD in (cell.error or '') else ''}" for cell in cells]
        return not any("GOT" in text or SECRET_WORD in text for text in said)

    def lost(self, student: str) -> dict[str, str]:
        """The steps that cost points, with their verdicts."""
        return {step.name: step.verdict.value for step in self.marks[student].lost}

    def right(self, attack: Attack) -> bool:
        """Whether it earned the mark that it should, neither more nor less."""
        lost = self.lost(attack.student)
        if attack.all_lost:
            return self.marks[attack.student].score == 0
        if not attack.verdicts:
            return lost == {}
        return set(lost) == {"drope"} and lost["drope"] in attack.verdicts

    def honest(self) -> list[SubmissionResult]:
        """The honest submissions."""
        return [marked for student, marked in self.marks.items() if student.startswith("honest")]


def run(folder: Path, isolation: str) -> Trial:
    """Grade all of them. folder: empty; temporary files, the home and the course are made in it."""
    trial = Trial()
    places = _course(folder)
    with _surroundings(folder), _canaries(folder, places) as canaries:
        exercise = read_exercise(folder / "solutions" / "harbour.ipynb")
        submissions = _hand_in(folder, places)
        before = _snapshot(folder)
        descriptors = _descriptors()
        mine = {process.pid for process in psutil.Process().children(recursive=True)}
        with (
            warm_grader(
                exercise, b"the secret of the tests", CREDIT, JOBS, limits=QUICK, isolation=isolation
            ) as grader,
            ThreadPoolExecutor(JOBS) as pool,
        ):

            def grade(student: str) -> None:
                started = time.perf_counter()
                trial.marks[student] = grader.grade_file(student, submissions[student])
                trial.seconds[student] = time.perf_counter() - started

            students = list(submissions)
            list(pool.map(grade, students[:WARM_UP]))
            used = _memory()
            list(pool.map(grade, students[WARM_UP:]))
            trial.grown = {who: now - used[who] for who, now in _memory().items()}
        trial.descriptors = (descriptors, _descriptors())
        after = _snapshot(folder)
        trial.changed = sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path))
        trial.changed += [str(path) for place in ("/", "/tmp", "/dev/shm") for path in Path(place).glob("hostile*")]
        trial.reached = [name for name, canary in canaries.items() if _was_reached(canary)]
        trial.left = _left(mine)
    return trial


def _course(folder: Path) -> dict[str, Any]:
    """A course with all that nobody may read; what attacks are told of it."""
    for name in ("course/submitted", "home", "temporary", "solutions"):
        (folder / name).mkdir(parents=True)
    for name in ("course/gradebook.db", "course/course-secret", "course/hostile.py", "home/private"):
        (folder / name).write_text(f"print('{SECRET_WORD}')\n")
    (folder / "solutions" / "chart.txt").write_text("here be dragons\n")
    solution = folder / "solutions" / "harbour.ipynb"
    nbformat.write(harbour(), solution)
    return {"course": folder / "course", "home": folder / "home", "solution": solution, "pid": os.getpid()}


def _hand_in(folder: Path, places: dict[str, Any]) -> dict[str, Path]:
    notebooks = {}
    for number, attack in enumerate(ATTACKS):
        notebooks[attack.student] = attack.notebook(places)
        if number % EVERY == 0:
            notebooks[f"honest {number}"] = harbour()
    files = {}
    for student, notebook in notebooks.items():
        files[student] = folder / "course" / "submitted" / student / "port" / "harbour.ipynb"
        files[student].parent.mkdir(parents=True)
        nbformat.write(notebook, files[student])
    return files


@contextlib.contextmanager
def _surroundings(folder: Path) -> Iterator[None]:
    """A home and a place for temporary files that are ours, and a variable that is nobody else's."""
    changed = {"HOME": str(folder / "home"), "TMPDIR": str(folder / "temporary"), "COURSE_TOKEN": SECRET_WORD}
    before = {name: os.environ.get(name) for name in changed}
    os.environ.update(changed)
    tempfile.tempdir = None
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        tempfile.tempdir = None


@contextlib.contextmanager
def _canaries(folder: Path, places: dict[str, Any]) -> Iterator[dict[str, socket.socket]]:
    """Sockets that nobody may reach, and where they are."""
    stream, datagram = socket.SOCK_STREAM, socket.SOCK_DGRAM
    name = f"dojo-{os.getpid()}-{folder.name}"
    addresses: dict[str, tuple[int, int, Any]] = {
        "tcp": (socket.AF_INET, stream, ("127.0.0.1", 0)),
        "udp": (socket.AF_INET, datagram, ("127.0.0.1", 0)),
        "unix": (socket.AF_UNIX, stream, os.path.relpath(folder / "course" / "socket")),
        "abstract": (socket.AF_UNIX, stream, f"\0{name}"),
        "datagram": (socket.AF_UNIX, datagram, f"\0{name}-datagram"),
    }
    with contextlib.ExitStack() as stack:
        canaries = {}
        for what, (family, kind, address) in addresses.items():
            canaries[what] = canary = stack.enter_context(socket.socket(family, kind))
            canary.bind(address)
            canary.setblocking(False)
            if kind == stream:
                canary.listen()
            places[what] = canary.getsockname()[1] if family == socket.AF_INET else address.lstrip("\0")
        yield canaries


def _was_reached(canary: socket.socket) -> bool:
    try:
        if canary.type == socket.SOCK_STREAM:
            canary.accept()
        else:
            canary.recv(1)
    except BlockingIOError:
        return False
    return True


def _snapshot(folder: Path) -> Snapshot:
    """Every file below, with what is in it and when it was changed; the package's own too."""
    found: Snapshot = {}
    for place in (folder, Path(read_exercise.__code__.co_filename).parent):
        for path in place.rglob("*"):
            if "__pycache__" in path.parts:
                continue
            status = path.lstat()
            plain = stat.S_ISREG(status.st_mode)
            content = hashlib.sha256(path.read_bytes()).hexdigest() if plain else ""
            found[str(path)] = (status.st_mode, status.st_mtime_ns if plain else 0, content)
    return found


def _left(mine: set[int]) -> list[str]:
    """Processes of ours that have not ended; the kernel may take a moment."""
    deadline = time.monotonic() + 30
    while True:
        left = [p for p in psutil.Process().children(recursive=True) if p.pid not in mine]
        if not left or time.monotonic() > deadline:
            return [str(process) for process in left]
        time.sleep(0.05)


def _descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


def _memory() -> dict[str, float]:
    """MB that the grader, and the largest of its warm processes, have to themselves."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what is free is not kept, but the allocator may hold it for later
    me = psutil.Process()
    children = [process.memory_info().rss for process in me.children(recursive=True)]
    return {"grader": me.memory_info().rss / 2**20, "warm": max(children, default=0) / 2**20}
