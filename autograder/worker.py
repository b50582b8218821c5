"""The untrusted side: holds what a student may know, and runs each submission in a fork of itself.

Started as `python -m autograder.worker` by autograder.sandbox. Reads frames from standard input, answers
with frames on what was standard output: first the exercise's setup, then its cases, then submissions.
No gradient is ever computed here except by student code.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import random
import resource
import select
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy
import safetensors.torch
import torch

from autograder.guard import Guard, confine
from autograder.limits import Limits
from autograder.namespace import DTYPES, overlaid, run_setup
from autograder.shell import CellShell, new_shell
from autograder.student_run import END, CaseNames, Run, StudentRun
from autograder.wire import LENGTHS, Frame, decode_all, encode


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    requests = os.fdopen(os.dup(0), "rb")
    _silence()
    # Threads do not survive a fork: torch's pool must never be started in this process.
    torch.set_num_threads(1)
    sys.path.insert(0, str(Path.cwd()))
    try:
        with tempfile.TemporaryDirectory(prefix="ipython-") as ipython_dir:
            server = _Server(new_shell(ipython_dir), (answers.fileno(), requests.fileno()))
            while (request := _read(requests)) is not None:
                _write(answers, server.answer(request))
    except BrokenPipeError:  # the trusted side has gone
        return
    except Exception as error:
        _write(answers, Frame({"ok": False, "error": f"{type(error).__name__}: {error}"}))


class _Server:
    """Answers one request at a time. private: descriptors that no submission may have."""

    def __init__(self, shell: CellShell, private: tuple[int, ...]) -> None:
        self._shell = shell
        self._private = private
        self._guard = Guard()
        self._names: dict[str, Any] = {}
        self._cases: list[CaseNames] = []
        self._limits = Limits()
        self._settled = False

    def answer(self, request: Frame) -> Frame:
        """Do what the request says."""
        if "setup" in request.header:
            return self._set_up(json.loads(request.body))
        if "case" in request.header:
            return self._lay_out(request)
        return self._serve(json.loads(request.body))

    def _set_up(self, setup: dict[str, Any]) -> Frame:
        with torch.no_grad():
            self._names = run_setup(self._shell, tuple(setup["cells"]), setup["parameters"], {}, "float32")
        for value in self._names.values():
            for tensor in value if isinstance(value, list | tuple) else [value]:
                if isinstance(tensor, torch.Tensor):
                    tensor.requires_grad_(False)
        self._limits = Limits(**setup["limits"])
        torch.set_grad_enabled(False)
        self._guard.install()
        return Frame({"ok": True})

    def _lay_out(self, request: Frame) -> Frame:
        """Keep a case: its tensors and plain values over the names that setup defined."""
        file = Path(request.header["case"])
        tensors = safetensors.torch.load_file(file)  # mapped, not read
        file.unlink()
        known = {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("v.")}
        upstream = {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("u.")}
        names = overlaid(self._names, known, request.header["scalars"])
        dtype = DTYPES[request.header["dtype"]]
        self._cases.append(CaseNames(names, upstream, dtype))
        return Frame({"ok": True})

    def _serve(self, request: dict[str, Any]) -> Frame:
        """Run one submission in a fork and return what it sent, with how it ended."""
        if not self._settled:
            _settle()
            self._settled = True
        receiving, sending = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(receiving)
            self._become_submission(request, sending)
        os.close(sending)
        data, ending = _collect(receiving, self._limits)
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        return Frame({"ok": True, "ending": ending, "exit": os.waitstatus_to_exitcode(status)}, data)

    def _become_submission(self, request: dict[str, Any], sending: int) -> NoReturn:
        """The fork. Never returns: neither the parent's clean-up nor a student's atexit handlers may run here."""
        try:
            for descriptor in self._private:
                os.close(descriptor)
            os.setsid()
            _limit(self._limits)
            random.seed(0)  # Python's own draws anew in every fork; the others were seeded before it
            confine()
            run = StudentRun(self._shell, self._cases, self._guard, self._limits, sending)
            run.run(request["script"], [Run(**r) for r in request["runs"]], set(request["skip"]))
        finally:
            os._exit(0)


def _collect(descriptor: int, limits: Limits) -> tuple[bytes, str]:
    """What arrives until the last frame, the end of the stream, silence, the deadline or the size limit."""
    deadline = time.monotonic() + limits.seconds
    silence = limits.cell_seconds + limits.stall_seconds
    data = bytearray()
    checked = 0
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0:
                return bytes(data), "timeout"
            if not select.select([descriptor], [], [], min(left, silence))[0]:
                return bytes(data), "stalled"
            piece = os.read(descriptor, 2**20)
            if not piece:
                return bytes(data), "closed"
            data += piece
            if len(data) > limits.result_bytes:
                return bytes(data[: limits.result_bytes]), "flood"
            # A process that the submission left behind may hold the pipe open, so its end is a frame.
            while (end := _frame_end(data, checked)) is not None:
                if data[checked:end] == END:
                    return bytes(data[:end]), "end"
                checked = end
    finally:
        os.close(descriptor)


def _frame_end(data: bytearray, start: int) -> int | None:
    """Where the frame that begins at `start` ends; None while it is incomplete."""
    if len(data) - start < LENGTHS.size:
        return None
    end: int = start + LENGTHS.size + sum(LENGTHS.unpack_from(data, start))
    return end if end <= len(data) else None


def _limit(limits: Limits) -> None:
    """The kernel's limits for this process and its children."""
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
    }
    statm = Path("/proc/self/statm")
    if statm.exists():
        in_use = int(statm.read_text().split()[0]) * resource.getpagesize()
        wanted[resource.RLIMIT_AS] = in_use + limits.memory_bytes
    for what, value in wanted.items():
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def _settle() -> None:
    """What every fork is to find: random numbers that are the same in every grading, and memory cheap to share."""
    numpy.random.seed(0)
    torch.manual_seed(0)
    # The collector leaves what is here alone, and freed memory is given back.
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError):  # glibc only
        ctypes.CDLL(None).malloc_trim(0)


def _silence() -> None:
    """Point the standard streams at nothing: what submissions print is captured in Python, a cell at a time."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def _read(stream: BinaryIO) -> Frame | None:
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    rest = stream.read(sum(LENGTHS.unpack(lengths)))
    return next(iter(decode_all(lengths + rest)))


def _write(stream: BinaryIO, frame: Frame) -> None:
    stream.write(encode(frame))
    stream.flush()


if __name__ == "__main__":
    main()
