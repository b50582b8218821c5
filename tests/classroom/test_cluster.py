"""A real cluster of two workers on this machine: the same results as here, whoever dies; who cannot isolate is refused.

Student code cannot hurt a worker, so a plugin of the tests makes workers die of the student `killer`.
"""

from __future__ import annotations

import dataclasses
import io
import os
import signal
import threading
import time
from multiprocessing import forkserver
from pathlib import Path

import dask
import nbformat
import pytest
from distributed import WorkerPlugin
from rich.console import Console

from autograder.classroom import cluster as module
from autograder.classroom.cluster import ClusterGraders
from autograder.classroom.connect import connected
from autograder.classroom.plan import Plan
from autograder.classroom.run import Interrupted, grade_class
from autograder.course.open_grader import Course
from autograder.course.settings import Settings
from autograder.marking.verdict import CREDIT
from autograder.sandbox.host.bubblewrap import BUBBLEWRAP, IsolationError, why_not
from tests.conftest import SECRET
from tests.notebooks import HARBOUR_ANSWERS, by_id, with_cells
from tests.notebooks import harbour as harbour_notebook

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


class Faults(WorkerPlugin):
    """Ends a worker that begins `killer`, and takes bubblewrap from a worker while the file `refuse` names it."""

    name = "faults of the tests"

    def __init__(self, folder):
        self.folder = folder

    def setup(self, worker):
        from autograder.classroom import on_worker
        from autograder.sandbox.host import bubblewrap

        grade, reason = on_worker.grade, bubblewrap.why_not

        def faulty(station, batch):
            if "killer" in dict(batch):
                with open(f"{self.folder}/killed", "a") as file:  # noqa: PTH123
                    file.write(f"{os.getpid()}\n")
                os.kill(os.getpid(), signal.SIGKILL)
            return grade(station, batch)

        def not_here():
            refuse = Path(self.folder, "refuse")
            refused = refuse.exists() and worker.name in map(int, refuse.read_text().split())
            return "no namespaces on this worker" if refused else reason()

        on_worker.grade, bubblewrap.why_not = faulty, not_here


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def client(folder):
    # Workers are forked from a process that has imported what each would import for seconds, those that come again too.
    forkserver.set_forkserver_preload(["distributed", "autograder.classroom.on_worker", "autograder.marking.grader"])
    forkserver.ensure_running()
    try:
        with (
            dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"}),
            connected("local:2") as client,
        ):
            client.register_plugin(Faults(str(folder)))
            yield client
    finally:
        forkserver._forkserver._stop()


@pytest.fixture
def course(tmp_path):
    return Course(Settings(tmp_path / "course-secret", CREDIT), SECRET, BUBBLEWRAP, tmp_path / "kept")


def without_steps():
    notebook = harbour_notebook()
    del notebook.cells[-6:]
    return notebook


def renamed():
    notebook = harbour_notebook()
    by_id(notebook)["cmp_dkeel"].source = "pass"
    return notebook


CLASS = {
    "ada": harbour_notebook,
    "ben": lambda: harbour_notebook(dkeel="dkeel = -1"),
    "cleo": lambda: harbour_notebook(dswell_path2="", dflat="dflat = -dswell * swell"),
    "dee": lambda: harbour_notebook(drope="raise ValueError('no')"),
    "eve": lambda: harbour_notebook(dpart="print('x' * 100)\nimport os\nos._exit(3)"),
    "fay": lambda: b"no notebook",
    "gil": lambda: None,
    "hal": lambda: harbour_notebook(drope="from helpers import columns\ndrope = columns(dmast)"),
    "ivy": without_steps,
    "jan": renamed,
    "kim": lambda: with_cells("dkeel", "import ctypes"),
    "lou": lambda: harbour_notebook(dpeak=HARBOUR_ANSWERS["dpeak"].replace("-", "")),
}


def hand_in(folder, contents):
    files = []
    for student, content in contents.items():
        path = folder / "submitted" / student / "harbour.ipynb"
        path.parent.mkdir(parents=True)
        found = content()
        if isinstance(found, bytes):
            path.write_bytes(found)
        elif found is not None:
            nbformat.write(found, path)
        (path.parent / "helpers.py").write_text("def columns(t):\n    return t.sum(0)\n")
        files.append((student, path))
    return files


def slow():
    return harbour_notebook(drope="import time\ntime.sleep(0.02)\ndrope = dmast.sum(0)")


def grade(files, harbour, course, client=None, **more):
    """The results without their times, and what was said."""
    said = io.StringIO()
    console = Console(file=said, width=400)
    graders = None if client is None else ClusterGraders(course, client, console)
    plan = Plan("port", {harbour.path: files}, 2, **more)
    done = grade_class(plan, course, console, None, graders)
    results = tuple(dataclasses.replace(result, seconds=0.0) for result in done.submissions)
    # A slow machine says how far it is, too.
    lines = [line for line in said.getvalue().splitlines() if " a second, " not in line]
    return dataclasses.replace(done, seconds=0.0, submissions=results), lines


def test_a_class_has_the_same_results_here_and_there_and_they_are_kept_alike(harbour, course, client, tmp_path):
    files = hand_in(tmp_path, CLASS)
    there, _ = grade(files, harbour, course, client)
    unchanged, said = grade(files, harbour, course)
    here, _ = grade(files, harbour, course, force=True)
    assert said == ["harbour: 11 unchanged since they were graded (--force: all)"]  # all but gil, who has no file
    assert there.to_json() == here.to_json() == unchanged.to_json()
    assert there.to_csv() == here.to_csv()
    assert [r.cells for r in there.submissions] == [r.cells for r in here.submissions]
    assert {r.status for r in there.submissions} == {"graded", "missing", "unreadable"}
    assert len({step.verdict for r in there.submissions for step in r.steps}) >= 5
    assert here.isolation == BUBBLEWRAP


def workers(client):
    """The process of each worker, by address."""
    return client.run(os.getpid)


def test_a_worker_that_is_killed_loses_nothing(harbour, course, client, tmp_path):
    files = hand_in(tmp_path, {f"s{number:02}": slow for number in range(16)})
    before = workers(client)
    killed = threading.Event()

    class Recorder:
        """A gradebook that kills a worker when it gets its third result."""

        written: list[str] = []  # noqa: RUF012

        def check(self, exercise):
            pass

        def write(self, student, exercise, path, result):
            self.written.append(student)
            if len(self.written) == 3:
                os.kill(next(iter(before.values())), signal.SIGKILL)
                killed.set()

        def finish(self):
            return {}, []

        def students(self):
            return []

    recorder = Recorder()
    graders = ClusterGraders(course, client, Console(file=io.StringIO()))
    done = grade_class(Plan("port", {harbour.path: files}, 2), course, Console(file=io.StringIO()), recorder, graders)
    assert killed.is_set()
    assert [(r.student, r.status, r.score) for r in done.submissions] == [(who, "graded", 8.0) for who, _ in files]
    assert sorted(recorder.written) == [who for who, _ in files]
    assert done.unrecorded == ()


def test_one_that_kills_workers_is_set_aside_after_the_second_and_has_no_mark(
    harbour, course, client, tmp_path, folder
):
    contents = {"ada": slow, "ben": slow, "killer": slow, "cleo": slow, "dee": slow, "eve": slow}
    files = hand_in(tmp_path, contents)
    done, _ = grade(files, harbour, course, client)
    marks = {r.student: (r.status, r.score, r.fault) for r in done.submissions}
    assert marks.pop("killer") == ("crashed", 0.0, True)
    assert set(marks.values()) == {("graded", 8.0, False)}
    assert len((folder / "killed").read_text().split()) == 2
    assert done.unrecorded == (f"killer/harbour has no new mark: {module.SET_ASIDE}",)
    # The next run tries nobody else again.
    _, said = grade([(who, path) for who, path in files if who != "killer"], harbour, course)
    assert said == ["harbour: 5 unchanged since they were graded (--force: all)"]


def wait_for_two(client):
    """Workers that were killed come again under other names and addresses."""
    end = time.monotonic() + 120
    while len(client.nthreads()) < 2 and time.monotonic() < end:
        time.sleep(0.2)
    return client.run(lambda dask_worker: dask_worker.name)


def test_a_worker_that_cannot_isolate_is_refused_and_named(harbour, course, client, tmp_path, folder):
    names = wait_for_two(client)
    address, name = next(iter(names.items()))
    (folder / "refuse").write_text(f"{name}")
    files = hand_in(tmp_path, {f"s{number}": slow for number in range(4)})
    try:
        done, said = grade(files, harbour, course, client)
        assert said == [f"{address} is refused: no namespaces on this worker"]
        assert {r.status for r in done.submissions} == {"graded"}
        (folder / "refuse").write_text(" ".join(map(str, names.values())))
        with pytest.raises(IsolationError, match="no worker of the cluster can grade: no namespaces on this worker"):
            grade(files, harbour, course, client, force=True)
    finally:
        (folder / "refuse").unlink()


def test_ctrl_c_finishes_those_in_hand_and_keeps_them(harbour, course, client, tmp_path):
    files = hand_in(tmp_path, {f"s{number:02}": slow for number in range(30)})

    class Interrupting:
        def check(self, exercise):
            pass

        def holds(self, *arguments):
            return True

        def write(self, student, exercise, path, result):
            if student == "s00":
                os.kill(os.getpid(), signal.SIGINT)

        def finish(self):
            return {}, []

        def students(self):
            return []

    graders = ClusterGraders(course, client, Console(file=io.StringIO()))
    plan = Plan("port", {harbour.path: files}, 2)
    with pytest.raises(Interrupted) as stopped:
        grade_class(plan, course, Console(file=io.StringIO()), Interrupting(), graders)
    kept = len(stopped.value.done.submissions)
    assert 0 < kept < 30
    assert stopped.value.left == 30 - kept
    said = io.StringIO()
    done = grade_class(plan, course, Console(file=said, width=400), Interrupting(), graders)
    assert f"{kept} unchanged" in said.getvalue()
    assert len(done.submissions) == 30


def test_workers_keep_no_sandbox_when_a_run_is_over(harbour, course, client, tmp_path):
    grade(hand_in(tmp_path, {"ada": slow}), harbour, course, client)

    def children():
        import psutil

        return [child.name() for child in psutil.Process().children() if "bwrap" in child.name()]

    end = time.monotonic() + 60
    while any(client.run(children).values()) and time.monotonic() < end:
        time.sleep(0.2)
    assert not any(client.run(children).values())
