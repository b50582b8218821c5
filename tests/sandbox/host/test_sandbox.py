"""Hostile submissions: each costs its own step; the other steps and the next submission keep their marks."""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import nbformat
import psutil
import pytest
import torch

from autograder.exercise.notebook import read_exercise
from autograder.marking.attempts import attempt
from autograder.marking.compare import Targets
from autograder.marking.mark import Marker
from autograder.marking.reasons import Explainer
from autograder.marking.verdict import CREDIT
from autograder.sandbox.host.bubblewrap import BUBBLEWRAP
from autograder.sandbox.host.line import Line
from autograder.sandbox.host.pipes import SandboxError
from autograder.sandbox.host.sandbox import WarmProcess
from autograder.sandbox.messages import Request, Run
from autograder.submission.notebook import submission_from_notebook
from tests.notebooks import HARBOUR_ANSWERS, by_id, harbour, place, with_cells
from tests.sandbox.host.conftest import QUICK
from tests.warm import line, process_of

PATIENT = replace(QUICK, cell_seconds=10.0)  # for cells that look at everything there is


@pytest.fixture(scope="module")
def marker(harbour, harbour_references):
    explainer = Explainer(harbour, harbour_references)
    return Marker(harbour, Targets(harbour, harbour_references), explainer, CREDIT)


@pytest.fixture
def marked(harbour, marker, sandbox):
    def outcome(notebook):
        submission = submission_from_notebook(notebook, harbour)
        return marker.mark("s", submission, attempt(harbour, marker.targets, submission, sandbox), 0.0)

    return outcome


def verdicts(outcome):
    return {step.name: step.verdict.value for step in outcome.steps}


def _step(outcome, name):
    return next(step for step in outcome.steps if step.name == name)


def wrong(outcome):
    """The steps that earn nothing."""
    right = ("exact", "approximate", "follow-through")
    return {name: verdict for name, verdict in verdicts(outcome).items() if verdict not in right}


# What the cell of drope holds, and the verdict that it earns.
HOSTILE = {
    "leaves": ("import os\nos._exit(0)", "crashed"),
    "leaves with a code": ("import os\nos._exit(3)", "crashed"),
    "kills itself": ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "crashed"),
    "faults": ("import faulthandler\nfaulthandler._sigsegv()", "crashed"),
    "aborts": ("import os\nos.abort()", "crashed"),
    "reads address 0": ("import ctypes\nctypes.string_at(0)", "error"),
    "calls the C library": ("import ctypes\nctypes.CDLL(None).abort()", "error"),
    "forks": ("import os, time\nif os.fork() == 0:\n    time.sleep(1000)\n    os._exit(0)", "error"),
    "starts a program": ("import subprocess\nsubprocess.Popen(['sleep', '1000'])", "error"),
    "walks the memory": ("import gc\ngc.get_objects()", "error"),
    "exits": ("import sys\nsys.exit(1)", "error"),
    "quits": ("raise SystemExit", "error"),
    "interrupts": ("raise KeyboardInterrupt", "error"),
    "raises what is no exception of Python's": ("class Odd(BaseException): pass\nraise Odd", "error"),
    "fills memory": ("x = bytearray(10**11)", "error"),
    "recurses": ("def f(): f()\nf()", "error"),
    "loops": ("while True: pass", "timeout"),
    "loops and swallows": (
        "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
        "timeout",
    ),
    "loops in torch": ("x = torch.ones(300, 300)\nwhile True: x = (x @ x).tanh()", "timeout"),
    "loops in C": ("sum(range(10**12))", "timeout"),
    "sleeps": ("import time\ntime.sleep(1000)", "timeout"),
    "ignores the alarm": ("import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass", "timeout"),
    "floods": ("while True: print('x' * 10**6)", "timeout"),
    "closes its descriptors": ("import os\nos.closerange(0, 256)", "crashed"),
    "writes into every descriptor": (
        "import os\nfor n in range(3, 256):\n    try: os.write(n, b'x' * 10**4)\n    except OSError: pass",
        "crashed",
    ),
    "sends more than it may": (
        "import os\nfor n in range(3, 256):\n    try:\n        while True: os.write(n, bytes(8))\n"
        "    except OSError: pass",
        "crashed",
    ),
}


@pytest.mark.parametrize("how", HOSTILE)
def test_it_costs_its_own_step_only(marked, how, degree):
    source, verdict = HOSTILE[how]
    if degree == BUBBLEWRAP and how in ("kills itself", "faults"):
        verdict = "missing"  # the first process of a namespace does not die of a signal that it sends itself
    outcome = marked(harbour(drope=source))
    assert wrong(outcome) == {"drope": verdict}
    assert wrong(marked(harbour())) == {}


@pytest.mark.parametrize("how", ["leaves", "aborts", "sends more than it may"])
def test_a_cell_that_ends_the_process_is_told(marked, how):
    outcome = marked(harbour(drope=HOSTILE[how][0]))
    assert len(outcome.flags) == 1
    assert "the rest was graded without it" in outcome.flags[0]
    assert _step(outcome, "drope").error in outcome.flags[0]
    assert (outcome.status, outcome.error) == ("graded", None)
    assert outcome.cells[place(harbour(), "drope")].error == _step(outcome, "drope").error


# These go on behind the cell, which is right all the same.
HARMLESS = {
    "a thread": (
        "import threading, time\ndef wake():\n    while True: time.sleep(0.01)\nthreading.Thread(target=wake).start()"
    ),
    "a thread that would be waited for": (
        "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,)).start()"
    ),
    "an exit handler": "import atexit, time\natexit.register(time.sleep, 1000)",
    "closed standard streams": "import sys\nsys.stdout.close()\nsys.stderr = None",
    "another folder": "import os\nos.chdir('/')",
    "output": "print('\\x1b[2J' * 10**6)",
    "other defaults": "torch.set_default_dtype(torch.float16)\ntorch.set_grad_enabled(True)\ntorch.manual_seed(1)",
}


@pytest.mark.parametrize("what", HARMLESS)
def test_what_it_leaves_behind_costs_nothing(marked, what):
    outcome = marked(harbour(drope=f"{HARMLESS[what]}\n{HARBOUR_ANSWERS['drope']}"))
    assert wrong(outcome) == {}
    assert (outcome.status, outcome.error) == ("graded", None)
    assert wrong(marked(harbour())) == {}


def test_a_forked_twin_that_goes_on_changes_nothing(marked):
    """Both send their values; the twin's cannot take the place of the others'."""
    twice = f"import os\ntwin = os.fork() == 0\n{HARBOUR_ANSWERS['dpart']}\nif twin: dpart = dpart * 2"
    outcome = marked(harbour(dpart=twice))
    assert set(wrong(outcome)) <= {"dpart"}
    assert wrong(marked(harbour())) == {}


def test_processes_of_its_own_end_with_it(marked, sandbox):
    """They are killed before the answer is given; the kernel may take a moment to bury them."""
    marked(harbour())
    before = _processes(sandbox)
    marked(harbour(drope="import os, subprocess\nsubprocess.Popen(['sleep', '1000'])\nif os.fork() == 0: os.fork()"))
    deadline = time.monotonic() + 30
    while (left := _processes(sandbox)) != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert left == before


def _processes(sandbox):
    """The sandbox's process and all that it has started and that still runs."""
    process = psutil.Process(process_of(sandbox)._running.process.pid)
    return {process.pid} | {p.pid for p in process.children(recursive=True) if p.status() != psutil.STATUS_ZOMBIE}


@pytest.mark.parametrize("handler", ["signal.SIG_IGN", "lambda *_: None"])
def test_an_alarm_that_an_earlier_cell_has_changed(marked, handler):
    notebook = harbour(
        dpart=f"import signal\nsignal.signal(signal.SIGALRM, {handler})\n{HARBOUR_ANSWERS['dpart']}",
        drope="while True: pass",
    )
    assert wrong(marked(notebook)) == {"drope": "timeout"}


def test_several_of_them_in_one_notebook(marked):
    notebook = harbour(dkeel="import os\nos._exit(0)", drope="while True: pass", dpart="import os\nos.abort()")
    outcome = marked(notebook)
    assert wrong(outcome) == {"dpart": "crashed", "drope": "timeout", "dkeel": "crashed"}
    assert len(outcome.flags) == 2


def test_more_of_them_than_are_tried_lose_what_follows(marked):
    """An unmarked rest is never silent: the status and every step say why."""
    names = ["dpart", "dtotal", "dflat", "dpeak", "drope", "dkeel"]
    outcome = marked(harbour(**dict.fromkeys(names, "import os\nos._exit(0)")))
    assert "ended early" in outcome.error
    assert {"crashed"} == {wrong(outcome)[name] for name in names}


def test_in_a_hidden_case_only(marked):
    """At the notebook's own sizes all is well; elsewhere it ends the process."""
    outcome = marked(harbour(drope=f"import os\nif rows != 6: os._exit(0)\n{HARBOUR_ANSWERS['drope']}"))
    assert set(wrong(outcome)) == {"drope"}


# The worker without its refusal to look around: what would be found if the refusal failed?
UNCONFINED = """
import autograder.sandbox.guest.audit, autograder.sandbox.guest.worker
autograder.sandbox.guest.audit.install = lambda: None
autograder.sandbox.guest.worker.main()
"""


@pytest.fixture(scope="module")
def unconfined(harbour, harbour_references, degree):
    cases = (harbour_references.public, *harbour_references.hidden, *harbour_references.rounded)
    program = (sys.executable, "-I", "-c", UNCONFINED)
    with line(harbour, [case.known for case in cases], PATIENT, degree, program) as warm:
        yield warm


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's choice is known on Linux only")
def test_where_memory_runs_out_a_submission_goes_first(marked, sandbox):
    assert wrong(marked(harbour())) == {}
    ours = [pid for pid in _processes(sandbox) if psutil.Process(pid).name() != "bwrap"]
    assert {int(Path(f"/proc/{pid}/oom_score_adj").read_text()) for pid in ours} == {1000}
    assert int(Path("/proc/self/oom_score_adj").read_text()) < 1000


class TestWhatItKnows:
    def test_no_reference_gradient_is_in_its_memory(self, unconfined, harbour, harbour_references):
        """Walk everything that the garbage collector knows and look for tensors of a gradient's norm."""
        walk = (
            "import gc\ngc.unfreeze()\nfound = [t for t in gc.get_objects() if issubclass(type(t), torch.Tensor)]\n"
            "print(*{f'{t.double().norm().item():.9e}' for t in found if t.is_floating_point()})"
        )
        notebook = with_cells("dpart", walk)
        recording = unconfined.run(Request(submission_from_notebook(notebook, harbour).script, (Run(0, False),)))
        norms = set(recording.runs[0].cells[place(notebook, "dpart") - 1].text.split())
        references = (harbour_references.public, *harbour_references.hidden, *harbour_references.rounded)
        # It has the values of the notebook's own case, so it would have found gradients too; of hidden ones nothing.
        public, *others = (_norm(reference.known.tensors["swell"]) for reference in references)
        assert public in norms
        assert not set(others) & norms
        secret = {
            _norm(gradient)
            for reference in references
            for gradients in (reference.end, reference.step)
            for gradient in gradients.total.values()
        }
        assert len(secret) > 100
        assert not secret & norms

    def test_nothing_of_a_submission_is_in_the_next_ones_memory(self, marked, sandbox, harbour_references):
        """A fork can read all that its parent has, used or freed: right answers of others above all."""
        word = "an answer that nobody else may read"
        assert wrong(marked(harbour(drope=f"note = '{word}'\n{HARBOUR_ANSWERS['drope']}"))) == {}
        secret = [
            _bytes(gradients.total[name])
            for reference in harbour_references.hidden
            for gradients in (reference.end, reference.step)
            for name in ("swell", "keel")
        ]
        assert len(set(secret)) == 16
        # It is wiped once the answer has been sent, before the next submission: wait for that.
        deadline = time.monotonic() + 10
        while True:
            line, twin = (_memory(process) for process in sorted(_processes(sandbox))[-2:])
            left = [value for value in (*secret, word.encode()) for region in (*line, *twin) if value in region]
            if not left or time.monotonic() > deadline:
                break
        assert not left
        # What a process may know is found in this way; the one for the notebook's own case knows less.
        upstream = _bytes(harbour_references.hidden[0].known.upstream["dswell"])
        assert [region for region in line if upstream in region]
        assert not [region for region in twin if upstream in region]

    def test_their_seeds_are_not_there(self, harbour_references):
        for reference in (*harbour_references.hidden, *harbour_references.rounded):
            assert reference.known.scalars["SEED"] == 5 != reference.case.overrides["SEED"]
            assert reference.case.overrides["SEED"] not in reference.known.scalars.values()

    def test_no_tensor_has_a_graph_or_a_gradient(self, unconfined, harbour):
        look = (
            "import gc\ngc.unfreeze()\nfound = [t for t in gc.get_objects() if issubclass(type(t), torch.Tensor)]\n"
            "print(len(found) > 10, {(t.requires_grad, t.grad_fn, t.grad) for t in found}, torch.is_grad_enabled())"
        )
        notebook = with_cells("dpart", look)
        recording = unconfined.run(Request(submission_from_notebook(notebook, harbour).script, (Run(0, False),)))
        assert recording.runs[0].cells[place(notebook, "dpart") - 1].text == "True {(False, None, None)} False\n"

    def test_nothing_of_the_instructors_environment_and_no_notebook(
        self, harbour, harbour_references, tmp_path, monkeypatch, degree
    ):
        monkeypatch.setenv("COURSE_TOKEN", "hunter2")
        folder = tmp_path / "solutions"
        (folder / "deep").mkdir(parents=True)
        for name in ("harbour.ipynb", "other.ipynb", "deep/more.ipynb"):
            shutil.copy(harbour.path, folder / name)
        for name in ("chart.txt", "deep/chart.txt", ".hidden"):
            (folder / name).write_text("a chart")
        look = (
            "import os, sys, json\n"
            "files = [os.path.join(at, f) for at, _, names in os.walk('.', followlinks=True) for f in names]\n"
            "print(json.dumps([dict(os.environ), os.getcwd(), files, sys.argv, sys.path]))"
        )
        notebook = with_cells("dpart", look)
        exercise = read_exercise(folder / "harbour.ipynb")
        with line(exercise, [harbour_references.public.known], QUICK, degree) as sandbox:
            recording = sandbox.run(Request(submission_from_notebook(notebook, exercise).script, (Run(0, False),)))
        environment, here, files, argv, path = json.loads(recording.runs[0].cells[place(notebook, "dpart") - 1].text)
        assert set(environment) <= {
            *("PATH", "HOME", "TMPDIR", "LANG", "MPLBACKEND", "MPLCONFIGDIR", "OMP_NUM_THREADS", "PYTORCH_JIT"),
            *(
                *("PWD", "GLIBC_TUNABLES", "PYTORCH_JIT"),
                "COLUMNS",
                "LINES",
                "KINETO_LOG_LEVEL",
                "TORCHINDUCTOR_CACHE_DIR",
                "CLICOLOR",
                "PAGER",
                "GIT_PAGER",
            ),
        }
        assert "hunter2" not in str((environment, argv, path))
        assert set(files) == {"./chart.txt", "./deep/chart.txt"}
        assert str(tmp_path) not in str((environment, here, argv, path))


class TestTheProcess:
    def test_one_that_was_killed_is_replaced(self, marked, sandbox):
        marked(harbour())
        killed = process_of(sandbox)
        for pid in _processes(sandbox):
            with suppress(psutil.NoSuchProcess):  # it ended with one that was killed before it
                psutil.Process(pid).kill()
        killed._running.process.wait()
        assert wrong(marked(harbour())) == {}
        assert process_of(sandbox) is not killed
        assert process_of(sandbox)._running.process.poll() is None

    def test_a_setup_that_fails_is_no_submissions_fault(self, tmp_path, harbour_references):
        notebook = harbour()
        by_id(notebook)["data"].source = "1 / 0"
        path = tmp_path / "harbour.ipynb"
        nbformat.write(notebook, path)
        exercise = read_exercise(path)
        alone = Line(WarmProcess(exercise), 0, [harbour_references.public.known])
        with pytest.raises(SandboxError, match="ZeroDivisionError"):
            alone.run(Request(submission_from_notebook(notebook, exercise).script, (Run(0, False),)))
        assert process_of(alone)._running is None

    def test_nothing_stays_when_it_is_closed(self, harbour, harbour_references, degree):
        with WarmProcess(harbour, 1, QUICK, degree) as process:
            process.start([harbour_references.public.known])
            folder, program = process._running.folder, process._running.process
        assert not folder.exists()
        assert program.returncode is not None

    def test_it_ends_when_the_trusted_side_is_gone(self, harbour, harbour_references, degree):
        """Killed without a word, as by kill -9: the pipes close, and that is all it needs to know."""
        with WarmProcess(harbour, 1, QUICK, degree) as process:
            process.start([harbour_references.public.known])
            process.line(0).close()
            assert process._running.process.wait(timeout=30) == 0

    @pytest.mark.parametrize("error", [RuntimeError("no home"), FileNotFoundError("no home"), KeyError("HOME")])
    def test_a_start_is_all_or_nothing(self, harbour, harbour_references, monkeypatch, error):
        """Whatever is raised on the way: it used to be cleaned up after two kinds of error only."""

        def fail(*args, **kwargs):
            raise error

        process = WarmProcess(harbour, 1, QUICK)
        with monkeypatch.context() as patch:
            patch.setattr(WarmProcess, "_lay_out", fail)
            with pytest.raises(type(error)):
                process.start([harbour_references.public.known])
        assert (process._running, process._connections) == (None, [])
        process.start([harbour_references.public.known])  # and the next attempt is a new one
        process.close()

    def test_the_cause_of_a_failed_start_is_not_hidden_by_the_next(self, harbour, harbour_references, monkeypatch):
        def refuse(*args, **kwargs):
            raise BlockingIOError("no more processes")

        process = WarmProcess(harbour, 1, QUICK)
        monkeypatch.setattr("subprocess.Popen", refuse)
        for _ in range(2):
            with pytest.raises(BlockingIOError, match="no more processes"):
                process.start([harbour_references.public.known])
            assert process._connections == []


def _norm(tensor: torch.Tensor) -> str:
    return f"{tensor.double().norm().item():.9e}"


def _bytes(tensor: torch.Tensor) -> bytes:
    """Enough of its middle to be no coincidence."""
    numbers = tensor.contiguous().flatten()
    return bytes(numbers[numbers.numel() // 2 :].numpy().tobytes()[:16])


def _memory(pid: int) -> list[bytes]:
    """The regions of a process's memory that are its own, and the mapped files of the cases."""
    regions = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:  # noqa: PTH123
        for line in maps:
            addresses, access, _, _, _, *path = line.split(maxsplit=5)
            if not access.startswith("rw") and not (path and "/case" in path[0]):
                continue
            start, end = (int(address, 16) for address in addresses.split("-"))
            memory.seek(start)
            with contextlib.suppress(OSError, ValueError):  # [vvar]
                regions.append(memory.read(end - start))
    return regions
