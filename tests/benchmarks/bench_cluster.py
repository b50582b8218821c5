"""`make bench`: grading on a Dask cluster, beside --jobs; and 100,000 submissions through all but the sandboxes.

The simulated class goes through the real client, scheduler, dispatch and cache: only the engine on the workers is a
stub, which waits as long as a real one takes and answers with as much. SIMULATED says how many, CLASS how many real
ones.
"""

from __future__ import annotations

import heapq
import logging
import os
import pickle
import random
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import nbformat
import psutil
from distributed import Client, LocalCluster
from rich.console import Console
from rich.table import Table

from autograder.classroom import on_worker
from autograder.classroom.cluster import ClusterGraders
from autograder.classroom.connect import silence
from autograder.classroom.dispatch import Dispatch
from autograder.classroom.plan import Plan
from autograder.classroom.run import grade_class
from autograder.course.kit import Kit, pack_kit
from autograder.course.open_grader import Course
from autograder.course.settings import Settings
from autograder.dojo import Comparison
from autograder.exercise.notebook import Exercise, read_exercise
from autograder.marking.result import StepResult, SubmissionResult
from autograder.marking.verdict import CREDIT, Verdict
from autograder.sandbox.host.received import RanCell
from autograder.submission.notebook import HandedIn, read_files
from demo.commands import ASSIGNMENT, new_course
from tests.benchmarks.bench_grading import hand_in
from tests.benchmarks.bench_start import FIRST, GRADE, course_of_one

SIMULATED = int(os.environ.get("SIMULATED", "100000"))
CLASS = int(os.environ.get("CLASS", "200"))
# Seconds of a core for a submission of exercise 1, and for how many of 1,000: 21 ms on two cores, as bench_grading
# measures, one in a loop that nothing can end, one in any other endless loop.
COSTS = {0.042: 990, 1.4: 9, 11.0: 1}
SHOWN = "probs           | exact: False | approximate: True  | maxdiff: 1.1e-08\n"  # by each cell
WORKERS = (10, 30, 100, 300, 1000)  # of two lines each, in the plan


def main() -> None:
    """Measure and print."""
    console = Console()
    rate = simulated(console)
    plan(rate, console)
    side_by_side(console)


def simulated(console: Console) -> float:
    """Grade the simulated class; return how many submissions a second the coordinator carried."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, stub_engine():
        course = new_course(Path(folder), f"{FIRST}*")
        exercise = read_exercise(course.folder / "solutions" / ASSIGNMENT / f"{FIRST}.ipynb")
        settings = Settings(Path(folder) / "secret", CREDIT)
        opened = Course(settings, b"a secret of the benchmark, long enough", "bubblewrap", Path(folder) / "kept")
        silence()
        # The references are computed here, once for a class of any size.
        sizes(pack_kit(opened, exercise), exercise, console)
        files = [(f"s{number:06}", exercise.path) for number in range(SIMULATED)]
        with (
            LocalCluster(
                n_workers=4,
                threads_per_worker=8,
                memory_limit=None,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            started, processor = time.perf_counter(), time.process_time()
            graders = Killing(opened, client, console, SIMULATED // 2)
            done = grade_class(Plan(ASSIGNMENT, {exercise.path: files}, 1), opened, console, None, graders)
            taken, processor = time.perf_counter() - started, time.process_time() - processor
        assert [result.student for result in done.submissions] == [student for student, _ in files]
        assert {result.status for result in done.submissions} == {"graded"}
        memory = psutil.Process().memory_info().rss / 2**20
    console.print(
        f"{SIMULATED:,} simulated submissions, a worker killed half-way: {taken:.0f} s, {SIMULATED / taken:.0f} a "
        f"second; coordinator and scheduler {1000 * processor / SIMULATED:.2f} ms of processor each, {memory:.0f} MB; "
        f"all there, in order; load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores",
        highlight=False,
    )
    return SIMULATED / processor


def sizes(kit: Kit, exercise: Exercise, console: Console) -> None:
    """Print what travels."""
    submission, found = len(pickle.dumps(read_files(exercise.path, exercise))), pickle.dumps(result_of(exercise, "ada"))
    console.print(
        f"a kit has {len(pickle.dumps(kit)) / 1e6:.0f} MB, a submission {submission / 1e3:.0f} kB, a result "
        f"{len(found) / 1e3:.1f} kB",
        highlight=False,
    )


class Killing(ClusterGraders):
    """Kills a worker after so many results."""

    def __init__(self, course: Course, client: Client, console: Console, after: int) -> None:
        super().__init__(course, client, console)
        self._after = after
        self._workers = list(client.run(os.getpid).values())

    def grade(self, exercise, files, stop):  # type: ignore[no-untyped-def]
        """Yield what the cluster yields."""
        for number, found in enumerate(super().grade(exercise, files, stop)):
            if number == self._after:
                os.kill(self._workers[0], signal.SIGKILL)
            yield found


@contextmanager
def stub_engine() -> Iterator[None]:
    """Put a stub in the place of what runs on workers."""
    real = on_worker.prepare, on_worker.grade
    on_worker.prepare, on_worker.grade = stub_prepare, stub_grade  # type: ignore[assignment]
    try:
        yield
    finally:
        on_worker.prepare, on_worker.grade = real


def stub_prepare(kit: Kit, lines: int) -> Exercise:
    """Return the exercise of a kit, all that the stub needs."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, kit.notebook)
        path.write_bytes(kit.files[kit.notebook])
        return read_exercise(path)


def stub_grade(exercise: Exercise, batch: Sequence[tuple[str, HandedIn]]) -> list[SubmissionResult]:
    """Wait as long as an engine takes, and return as much as it does."""
    for student, _ in batch:
        time.sleep(draw(random.Random(student)))
    return [result_of(exercise, student) for student, _ in batch]


def result_of(exercise: Exercise, student: str) -> SubmissionResult:
    """A result as large as a real one."""
    comparison = Comparison(False, True, 1.1e-08)
    steps = tuple(
        StepResult(s.name, s.tensor, s.check, Verdict.APPROXIMATE, s.points, s.points, comparison)
        for s in exercise.steps
    )
    cells = {index: RanCell(SHOWN, None, False) for index in range(60)}
    most = exercise.max_score
    return SubmissionResult(student, exercise.name, "graded", most, most, 0.042, steps=steps, cells=cells)


def draw(source: random.Random) -> float:
    """Seconds of one submission."""
    return source.choices(list(COSTS), list(COSTS.values()))[0]


def plan(rate: float, console: Console) -> None:
    """Print what 100,000 submissions take on so many workers, by the real dispatch and a clock of ours.

    rate: submissions a second that the coordinator carries, whoever waits for it.
    """
    table = Table(title="\n100,000 submissions of exercise 1, computed", title_justify="left")
    for column in ("workers of 2 lines", "minutes", "lines at work", "the coordinator alone"):
        table.add_column(column, justify="right")
    source = random.Random(1)
    costs = [draw(source) for _ in range(100_000)]
    for workers in WORKERS:
        seconds = computed(costs, workers, 1 / rate)
        busy = sum(costs) / (seconds * workers * 2)
        table.add_row(f"{workers}", f"{seconds / 60:.1f}", f"{100 * busy:.0f} %", f"{len(costs) / rate / 60:.1f} min")
    console.print(table)
    console.print(f"processor hours on the workers: {sum(costs) / 3600:.2f}", highlight=False)


def computed(costs: list[float], workers: int, each: float) -> float:
    """The seconds until all are done. each: seconds of the coordinator for each submission, one after the other."""
    dispatch = Dispatch(len(costs))
    lines = {str(number): [0.0, 0.0] for number in range(workers)}
    events: list[tuple[float, str, list[int]]] = []
    coordinator = 0.0

    def hand_out(worker: str, now: float) -> None:
        nonlocal coordinator
        while batch := dispatch.take(worker):
            coordinator = max(coordinator, now) + each * len(batch)
            line = min(range(2), key=lines[worker].__getitem__)
            lines[worker][line] = max(lines[worker][line], coordinator) + sum(costs[number] for number in batch)
            heapq.heappush(events, (lines[worker][line], worker, batch))

    for worker in lines:
        dispatch.join(worker, 2)
    for worker in lines:
        hand_out(worker, 0.0)
    now = 0.0
    while events:
        now, worker, batch = heapq.heappop(events)
        assert dispatch.done(worker, batch)
        hand_out(worker, now)
    assert not dispatch.waiting
    return max(now, coordinator)


def side_by_side(console: Console) -> None:
    """Real submissions, on this machine's cores and on workers of a cluster on it, by turns."""
    ways = {"--jobs 2": ("--jobs", "2"), "--jobs 4": ("--jobs", "4")}
    ways |= {f"--cluster local:{count}": ("--cluster", f"local:{count}") for count in (2, 4)}
    best: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        course = replace(course_of_one(Path(folder), f"{FIRST}*"), anew=True)
        ada = course.folder / "submitted" / "ada" / ASSIGNMENT / f"{FIRST}.ipynb"
        hand_in(course, nbformat.read(ada, 4), ada.name, CLASS)
        for _ in range(2):
            for title, options in ways.items():
                console.print(f"{title}, {CLASS} submissions ...", highlight=False)
                started = time.perf_counter()
                course.instructor(*GRADE, *options)
                taken = time.perf_counter() - started
                best[title] = min(taken, best.get(title, taken))
    table = Table(title=f"\n{CLASS} submissions of exercise 1, the better of 2 rounds by turns", title_justify="left")
    for column in ("", "seconds", "ratio"):
        table.add_column(column, justify="right" if column else "left")
    for title, seconds in best.items():
        table.add_row(title, f"{seconds:.1f}", f"{seconds / best['--jobs 2']:.2f}")
    console.print(table)
    console.print(f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores", highlight=False)


if __name__ == "__main__":
    main()
