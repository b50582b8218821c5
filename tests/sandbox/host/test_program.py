"""One guest program for several exercises of a folder."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import psutil
import pytest

from autograder.exercise.notebook import read_exercise
from autograder.sandbox.host.bubblewrap import BUBBLEWRAP, PROCESS, why_not
from autograder.sandbox.host.line import Line
from autograder.sandbox.host.pipes import SandboxError
from autograder.sandbox.host.program import Program
from autograder.sandbox.host.sandbox import WarmProcess
from autograder.sandbox.messages import Request, Run
from autograder.submission.notebook import submission_from_notebook
from tests.notebooks import HARBOUR_ANSWERS, harbour

RUN = (Run(0, False),)


@pytest.fixture(params=[PROCESS, BUBBLEWRAP])
def program(request, harbour, tmp_path):
    """With two members of one line."""
    if request.param == BUBBLEWRAP and (reason := why_not()):
        pytest.skip(reason)
    for name in ("one", "two"):
        shutil.copy(harbour.path, tmp_path / f"{name}.ipynb")
    (tmp_path / "chart.txt").write_text("here be dragons")
    started = Program(tmp_path, request.param, 2, 1)
    started.isolation = request.param
    yield started
    started.close()


def members(program, folder):
    return [
        WarmProcess(read_exercise(folder / f"{name}.ipynb"), isolation=program.isolation, shared=program)
        for name in ("one", "two")
    ]


def drope(process, cases, source=HARBOUR_ANSWERS["drope"]):
    """What a submission finds, in its first run."""
    notebook = harbour(drope=source)
    line = Line(process, 0, cases)
    try:
        return line.run(Request(submission_from_notebook(notebook, process.exercise).script, RUN)).runs[0], line
    finally:
        line.close()


def test_each_serves_its_exercise_and_the_last_ends_it(program, harbour_references, tmp_path):
    cases = [harbour_references.public.known]
    one, two = members(program, tmp_path)
    for process in (one, two):
        process.begin()
    for process in (one, two):
        process.start(cases)
    for process in (two, one, two):
        run, line = drope(process, cases)
        assert run.values["drope"].tensor.shape == (4,)
        assert line._shared is process  # and not one that a line has started for itself
    read, _ = drope(two, cases, "print(open('chart.txt').read())")
    assert "here be dragons\n" in {cell.text for cell in read.cells.values()}
    one.close()
    assert drope(two, cases)[1]._shared is two
    running, folder = program.process, program.folder
    assert running.poll() is None
    two.close()
    assert running.returncode is not None
    assert not folder.exists()


def test_a_member_ends_as_soon_as_its_pipes_are_closed(program, harbour_references, tmp_path):
    """Nobody else has a copy of their ends."""
    cases = [harbour_references.public.known]
    one, two = members(program, tmp_path)
    for process in (one, two):
        process.start(cases)
    workers = [p for p in psutil.Process(program.process.pid).children(recursive=True) if p.name() != "bwrap"]
    one.close()
    deadline = time.monotonic() + 30
    while len([p for p in workers if _lives(p)]) > len(workers) - 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    left = [p for p in workers if _lives(p)]
    assert len(left) == len(workers) - 2  # its own process and its line
    assert drope(two, cases)[1]._shared is two
    two.close()


def _lives(process):
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_setup_that_fails_leaves_the_others_alone(program, harbour_references, tmp_path):
    cases = [harbour_references.public.known]
    one, two = members(program, tmp_path)
    object.__setattr__(one.exercise, "setup", ("1 / 0",))
    with pytest.raises(SandboxError, match="ZeroDivisionError"):
        one.start(cases)
    two.start(cases)
    assert drope(two, cases)[1]._shared is two
    two.close()


def test_a_member_that_is_started_again_has_a_program_of_its_own(program, harbour_references, tmp_path):
    cases = [harbour_references.public.known]
    one, _ = members(program, tmp_path)
    one.start(cases)
    one.close()
    one.start(cases)
    assert one._running is not program
    one.close()


def test_where_it_cannot_start_nothing_is_left(harbour, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise BlockingIOError("no more processes")

    before = len(list(Path("/proc/self/fd").iterdir()))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("subprocess.Popen", refuse)
    with pytest.raises(BlockingIOError, match="no more processes"):
        Program(harbour.path.parent, PROCESS, 2, 2)
    assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before
