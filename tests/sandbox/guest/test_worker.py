"""The warm process, asked frame by frame as the host asks it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace

import psutil
import pytest
import torch

from autograder.sandbox import messages
from autograder.sandbox.guest.passing import KEPT
from autograder.sandbox.host.pipes import SandboxError, pair
from autograder.sandbox.host.received import parse
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import Known, Request, Run, ScriptCell, Setup

LIMITS = replace(Limits(), seconds=20.0)
CASE = Known({"x": torch.tensor([1.0, 2.0])}, {"n": 2}, {"dx": torch.tensor([5.0, 6.0])}, "float32")
ANSWER = 60.0


class Worker:
    """A process with so many lines. ask: a frame over the first one."""

    def __init__(self, folder, lines=1):
        self.folder = folder
        pairs = [pair() for _ in range(lines)]
        self.lines = [connection for connection, _ in pairs]
        descriptors = [end for _, ends in pairs for end in ends]
        program = [
            sys.executable,
            "-I",
            "-m",
            "autograder.sandbox.guest.worker",
            "process",
            "1",
            *map(str, descriptors),
        ]
        self.process = subprocess.Popen(program, cwd=folder, pass_fds=descriptors, stderr=subprocess.PIPE)
        for descriptor in descriptors:
            os.close(descriptor)

    def ask(self, frame):
        self.lines[0].send(frame)
        return self.lines[0].receive(ANSWER, 0).header

    def prepare(self, setup="import torch\ndouble = lambda t: 2 * t", cases=(CASE,)):
        answers = [self.ask(messages.setup_frame(Setup((setup,), 0, LIMITS)))]
        answers += [self.ask(frame) for frame in messages.case_frames(cases, self.folder / "case")]
        return [*answers, self.ask(messages.split_frame())]

    def run(self, source, *runs, line=0):
        script = (ScriptCell(0, source, ("dx",)),)
        self.lines[line].send(messages.request_frame(Request(script, runs or (Run(0, False),))))
        answer = self.lines[line].receive(ANSWER, LIMITS.result_bytes)
        return answer.header, parse(answer.body, len(runs) or 1, ["dx"], [0])

    def close(self):
        for line in self.lines:
            line.close()
        code = self.process.wait(ANSWER)
        self.process.stderr.close()
        return code


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """With two lines and one case."""
    worker = Worker(tmp_path_factory.mktemp("worker"), 2)
    assert worker.prepare() == [{"ok": True}] * 3
    yield worker
    assert worker.close() == 0  # it ends when nobody asks any more


def test_setup_and_case_are_there(ready):
    header, recording = ready.run("dx = double(x) + n")
    assert header.pop("exit") in (0, -9)  # whole, it is ended at once, and may or may not have ended by itself
    assert header == {"ok": True, "ending": "end"}
    assert recording.runs[0].values["dx"].tensor.tolist() == [4.0, 6.0]


def test_both_lines_answer(ready):
    for line in (1, 0, 1):
        _, recording = ready.run(f"dx = x * 0 + {line}", line=line)
        assert recording.runs[0].values["dx"].tensor.tolist() == [line, line]


def test_a_submission_leaves_nothing_to_the_next(ready):
    ready.run("n = 'spoilt'\nx.zero_()\nleft = 1")
    _, recording = ready.run("dx = x * n + ('left' in globals())")
    assert recording.runs[0].values["dx"].tensor.tolist() == [2.0, 4.0]


@pytest.mark.parametrize(
    ("source", "ending", "code"),
    [
        ("import os\nos._exit(3)", "closed", 3),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "closed", -9),
    ],
)
def test_how_it_ended_is_told_and_the_next_runs(ready, source, ending, code):
    header, recording = ready.run(source)
    assert header == {"ok": True, "ending": ending, "exit": code}
    assert recording.runs[0].values == {}
    assert ready.run("dx = x")[0]["ending"] == "end"


def test_a_report_above_what_is_wiped_comes_whole(ready):
    """Of cells with nothing to show but a large tensor, in several runs."""
    header, recording = ready.run("dx = torch.arange(10**6)", *[Run(0, False)] * 4)
    assert header["ending"] == "end"
    values = [run.values["dx"].tensor for run in recording.runs]
    assert sum(value.nbytes for value in values) > KEPT
    assert all(torch.equal(value, torch.arange(10**6)) for value in values)
    assert ready.run("dx = x")[1].runs[0].values["dx"].tensor.tolist() == [1.0, 2.0]


def test_no_gradient_is_made_unless_it_is_asked_for(ready):
    _, recording = ready.run("dx = torch.tensor([float(torch.is_grad_enabled()), float(x.requires_grad)])")
    assert recording.runs[0].values["dx"].tensor.tolist() == [0.0, 0.0]


def test_a_setup_that_raises_is_said_and_is_the_end(tmp_path):
    worker = Worker(tmp_path)
    answer = worker.ask(messages.setup_frame(Setup(("1 / 0",), 0, LIMITS)))
    assert answer["ok"] is False
    assert "SetupError: a setup cell of the exercise failed: ZeroDivisionError" in answer["error"]
    assert worker.close() == 0


def test_the_notebooks_own_case_and_a_hidden_one_each_have_their_numbers(tmp_path):
    hidden = replace(CASE, tensors={"x": torch.tensor([31.0, 37.0])})
    worker = Worker(tmp_path, 2)
    assert worker.prepare(cases=(CASE, hidden)) == [{"ok": True}] * 4
    for line in (0, 1, 0):
        for case, values in enumerate(([1.0, 2.0], [31.0, 37.0])):
            _, recording = worker.run("dx = x", Run(case, False), line=line)
            assert recording.runs[0].values["dx"].tensor.tolist() == values
    assert worker.close() == 0


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_where_the_twin_has_died_the_line_ends(tmp_path):
    worker = Worker(tmp_path)
    worker.prepare(cases=(CASE, CASE))
    (line,) = psutil.Process(worker.process.pid).children()
    (twin,) = line.children()
    twin.kill()
    with pytest.raises(SandboxError):
        worker.run("dx = x", Run(0, False))
    assert worker.close() == 0


def test_a_students_own_modules_are_there(tmp_path):
    worker = Worker(tmp_path)
    worker.prepare()
    for answer in (3.0, 4.0):
        script = (ScriptCell(0, "import helper\ndx = x * 0 + helper.answer", ("dx",)),)
        request = Request(script, (Run(0, False),), modules={"helper.py": f"answer = {answer}"})
        worker.lines[0].send(messages.request_frame(request))
        found = parse(worker.lines[0].receive(ANSWER, LIMITS.result_bytes).body, 1, ["dx"], [0])
        assert found.runs[0].values["dx"].tensor.tolist() == [answer, answer]
    assert worker.close() == 0
