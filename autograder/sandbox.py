"""The trusted side's handle on the process that runs student code."""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

import safetensors.torch
import torch

from autograder.exercise import Exercise
from autograder.limits import Limits
from autograder.recording import Recording, parse
from autograder.reference import Known
from autograder.student_run import Run
from autograder.submission import Submission
from autograder.wire import LENGTHS, MAX_HEADER_BYTES, Frame, decode_all, encode

# The exercise's own setup runs once in the sandbox; data preparation on a slow, busy machine fits in this.
START_SECONDS = 300.0
# What the sandbox's own clock may lag behind before the whole process is given up.
GRACE_SECONDS = 15.0


class SandboxError(RuntimeError):
    """The sandbox did not start or died; the fault is not a submission's."""


class Sandbox:
    """A process that has every case's forward values laid out and runs submissions, each in its own fork.

    Its cases are given by `cases`: what a student may know of each, the public case first. They may be set after
    begin(), which starts the process early. Use as a context manager. The process's working folder holds copies
    of the files beside the exercise's notebook, never a notebook: the solution stays out of reach of whoever
    looks around.
    """

    isolation = "process"
    command: tuple[str, ...] = (sys.executable, "-I", "-m", "autograder.worker")

    def __init__(self, exercise: Exercise, cases: Sequence[Known] = (), limits: Limits | None = None) -> None:
        self._exercise = exercise
        self.cases = cases
        self._ready = False
        self.limits = limits or Limits()
        self._names = frozenset(step.name for step in exercise.steps)
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def run(
        self, submission: Submission, runs: Sequence[Run], skip: Sequence[int] = (), *, cell_by_cell: bool = False
    ) -> Recording:
        """Run a submission's cells, all but those at the places in `skip`, once for each of `runs`.

        cell_by_cell: have every cell reported before the next runs, as always in the public case: slower, and
        one that ends the process is known by its place.
        Raises SandboxError where no process could be started at all.
        """
        self.start()
        request = {
            "script": [asdict(cell) for cell in submission.script],
            "runs": [asdict(run) for run in runs],
            "skip": list(skip),
            "cell_by_cell": cell_by_cell,
        }
        try:
            self._write(Frame({"submission": True}, json.dumps(request).encode()))
            answer = self._read(self.limits.seconds + GRACE_SECONDS, self.limits.result_bytes)
        except SandboxError as error:
            # Whatever took the whole process down came from this submission: the next gets a new one.
            self.close()
            return parse(b"", len(runs), self._names, f"it took its sandbox down: {error}")
        return parse(answer.body, len(runs), self._names, self._why_ended(answer))

    def _why_ended(self, answer: Frame) -> str | None:
        ending, code = answer.header.get("ending"), answer.header.get("exit")
        if ending == "end":
            return None
        if ending == "timeout":
            return f"stopped after {self.limits.seconds:g} s in all"
        if ending == "stalled":
            return f"stopped after {self.limits.cell_seconds:g} s"
        if ending == "flood":
            return f"it sent more than {self.limits.result_bytes // 2**20} MB"
        died = f"killed by signal {-code}" if isinstance(code, int) and code < 0 else f"exit code {code}"
        return f"its Python process ended early ({died})"

    def close(self) -> None:
        """End the process and remove its folder."""
        if self._process is not None:
            self._process.kill()
            for stream in (self._process.stdin, self._process.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
            self._process.wait()
            self._process = None
            self._ready = False
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def begin(self) -> None:
        """Start the process and let it run the exercise's setup, without waiting for it."""
        if self._process is not None:
            return
        self._folder = tempfile.TemporaryDirectory(prefix="dojo-", ignore_cleanup_errors=True)
        _copy_files(self._exercise.path.parent, Path(self._folder.name))
        self._process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=self._folder.name,
            env=_environment(self._folder.name),
            start_new_session=True,
        )
        setup = {
            "cells": self._exercise.setup,
            "parameters": self._exercise.parameters,
            "limits": asdict(self.limits),
        }
        self._write(Frame({"setup": True}, json.dumps(setup).encode()))

    def start(self) -> None:
        """Have the process ready with all cases laid out. Raises SandboxError."""
        try:
            self.begin()
            if self._ready:
                return
            assert self._folder is not None
            self._expect_ok()
            for number, known in enumerate(self.cases):
                self._write(_case_frame(known, Path(self._folder.name) / f"case{number}"))
                self._expect_ok()
            self._ready = True
        except SandboxError:
            self.close()
            raise

    def _expect_ok(self) -> None:
        answer = self._read(START_SECONDS, 0)
        if answer.header.get("ok") is not True:
            raise SandboxError(str(answer.header.get("error")))

    def _write(self, frame: Frame) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(encode(frame))
            self._process.stdin.flush()
        except OSError:
            raise SandboxError("the sandbox process has ended") from None

    def _read(self, seconds: float, body_limit: int) -> Frame:
        deadline = time.monotonic() + seconds
        lengths = self._read_exactly(LENGTHS.size, deadline)
        header, body = LENGTHS.unpack(lengths)
        if header > MAX_HEADER_BYTES or body > body_limit:
            raise SandboxError("the sandbox process sent an answer that is too large")
        return next(iter(decode_all(lengths + self._read_exactly(header + body, deadline))))

    def _read_exactly(self, size: int, deadline: float) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        data = bytearray()
        while len(data) < size:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise SandboxError("the sandbox process did not answer in time")
            piece = os.read(descriptor, min(size - len(data), 2**20))
            if not piece:
                raise SandboxError("the sandbox process has ended")
            data += piece
        return bytes(data)


def _case_frame(known: Known, path: Path) -> Frame:
    """The message that lays out a case. Its tensors go through a file, which the sandbox maps and deletes.

    Mapped pages cost nothing when the sandbox forks; a data set in ordinary memory costs every fork.
    """
    tensors = {f"v.{name}": tensor for name, tensor in known.tensors.items()}
    tensors |= {f"u.{name}": tensor for name, tensor in known.upstream.items()}
    # safetensors refuses tensors that share memory, such as a view and what it is a view of.
    copies = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    safetensors.torch.save_file(copies, path)
    return Frame({"case": path.name, "scalars": known.scalars, "dtype": known.dtype})


def _copy_files(source: Path, target: Path) -> None:
    """Copy what lies beside the notebook (data, cmp), following links, leaving out every notebook."""
    for path in source.iterdir():
        if path.suffix != ".ipynb" and not path.name.startswith((".", "__")):
            if path.is_dir():
                shutil.copytree(path, target / path.name, ignore=shutil.ignore_patterns("*.ipynb", ".*", "__pycache__"))
            else:
                shutil.copy(path, target / path.name)


def _environment(folder: str) -> dict[str, str]:
    """Nothing of the instructor's environment: no tokens, no paths to the course."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": folder,
        "OMP_NUM_THREADS": "1",
    }
