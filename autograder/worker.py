"""The untrusted side: holds what a student may know, and runs each submission in a fork of itself.

Started as `python -m autograder.worker DEGREE IN OUT [IN OUT ...]` by autograder.sandbox. Reads frames from the
first descriptor and answers on the second: first the exercise's setup, then its cases, then it splits, one process
for each pair of descriptors, then submissions.
No gradient is ever computed here except by student code.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import mmap
import os
import random
import resource
import select
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import safetensors.torch
import torch

from autograder import seccomp
from autograder.escape import Bait, escapes
from autograder.guard import Guard, confine
from autograder.isolation import BUBBLEWRAP
from autograder.limits import Limits
from autograder.namespace import DTYPES, overlaid, run_setup
from autograder.seclusion import OwnFolder, OwnNamespaces, Seclusion, close_all_but
from autograder.shell import CellShell, new_shell
from autograder.student_run import END, CaseNames, Run, StudentRun
from autograder.wire import LENGTHS

NOT_APART = 125  # the exit code of a fork that could not be confined: none of the student's code has run in it
PIECE = 2**20  # bytes that are passed on at a time
HUGE_PAGE = 2**21
MADV_COLLAPSE = 25


def main() -> None:
    """Serve until the requests end."""
    degree, *numbers = sys.argv[1:]
    descriptors = [int(number) for number in numbers]
    lines = list(zip(descriptors[::2], descriptors[1::2], strict=True))
    # Threads do not survive a fork: torch's pool must never be started in this process.
    torch.set_num_threads(1)
    sys.path.insert(0, "")  # the working folder, as in Jupyter
    try:
        with tempfile.TemporaryDirectory(prefix="ipython-") as ipython_dir:
            server = _Server(new_shell(ipython_dir), degree, lines)
            while server.answer():
                pass
    except (BrokenPipeError, EOFError):  # the trusted side has gone
        return
    except Exception as error:
        _write(lines[0][1], {"ok": False, "error": f"{type(error).__name__}: {error}"})


class _Server:
    """Answers one request at a time.

    Every submission is a fork of this process and can read its memory, so nothing of a submission may ever be
    in it: the fork itself reads the request, and what comes back passes through pages that are dropped.
    """

    def __init__(self, shell: CellShell, degree: str, lines: list[tuple[int, int]]) -> None:
        self._shell = shell
        self._degree = degree
        self._lines = lines
        self._requests, self._answers = lines[0]
        self._seclusion: Seclusion | None = None
        self._guard = Guard()
        self._names: dict[str, Any] = {}
        self._cases: list[CaseNames] = []
        self._limits = Limits()
        self._passing: mmap.mmap | None = None
        self._in_use = 0

    def answer(self) -> bool:
        """Do what the next request says; False where there is none."""
        try:
            header_size, body_size = LENGTHS.unpack(_read(self._requests, LENGTHS.size))
        except EOFError:
            return False
        header = json.loads(_read(self._requests, header_size))
        if "submission" in header:
            self._serve(body_size)
            return True
        if "probe" in header:
            self._probe(Bait(**header["probe"]))
            return True
        body = _read(self._requests, body_size)
        if "setup" in header:
            self._set_up(json.loads(body))
        elif "split" in header:
            if self._split():  # the other lines' servers have nothing to say yet
                return True
        else:
            self._lay_out(header)
        _write(self._answers, {"ok": True})
        return True

    def _set_up(self, setup: dict[str, Any]) -> None:
        with torch.no_grad():
            self._names = run_setup(self._shell, tuple(setup["cells"]), setup["parameters"], {}, "float32")
        for value in self._names.values():
            for tensor in value if isinstance(value, list | tuple) else [value]:
                if isinstance(tensor, torch.Tensor):
                    tensor.requires_grad_(False)
        self._limits = Limits(**setup["limits"])
        torch.set_grad_enabled(False)
        self._guard.install()

    def _lay_out(self, header: dict[str, Any]) -> None:
        """Keep a case: its tensors and plain values over the names that setup defined."""
        tensors = safetensors.torch.load_file(header["case"])  # mapped, not read
        known = {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("v.")}
        upstream = {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("u.")}
        names = overlaid(self._names, known, header["scalars"])
        dtype = DTYPES[header["dtype"]]
        self._cases.append(CaseNames(names, upstream, dtype))

    def _split(self) -> bool:
        """One server for each pair of descriptors from here on; whether this is one of the new ones."""
        self._seclusion = OwnNamespaces(self._limits.disk_bytes) if self._degree == BUBBLEWRAP else OwnFolder()
        _settle()
        for line in self._lines[1:]:
            if os.fork() == 0:
                self._requests, self._answers = line
                self._close_other_lines()
                return True
        self._close_other_lines()
        return False

    def _close_other_lines(self) -> None:
        for descriptor in {d for line in self._lines for d in line} - {self._requests, self._answers}:
            os.close(descriptor)

    def _probe(self, bait: Bait) -> None:
        """Try to escape from where a submission would be."""

        def attempt(sending: int) -> None:
            os.write(sending, json.dumps(escapes(bait)).encode())

        with self._apart(attempt) as (child, receiving):
            found = _read(receiving, PIECE, to_the_end=True)
            self._end(child)
        _write(self._answers, {"ok": True, "escapes": json.loads(found) if found else None})

    def _serve(self, request_size: int) -> None:
        """Run one submission in a fork and pass on what it sends, with how it ended."""
        if self._passing is None:
            # Private, and with room for one piece more than is allowed.
            kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
            self._passing = mmap.mmap(-1, self._limits.result_bytes + PIECE, flags=kind)
            self._in_use = _address_space()

        def run(sending: int) -> None:
            request = json.loads(_read(self._requests, request_size))
            os.close(self._requests)
            random.seed(0)  # Python's own draws anew in every fork; the others were seeded before it
            run = StudentRun(self._shell, self._cases, self._guard, self._limits, sending)
            runs = [Run(**r) for r in request["runs"]]
            run.run(request["script"], runs, set(request["skip"]), cell_by_cell=request["cell_by_cell"])

        with self._apart(run, self._requests) as (child, receiving), memoryview(self._passing) as data:
            size, ending = _collect(receiving, data, self._limits)
            code = self._end(child)
            header = {"ok": True, "ending": ending, "exit": code}
            if code == NOT_APART and size == 0:
                header = {"ok": False, "error": "the kernel did not let a submission's process be set apart"}
            with data[:size] as body:
                _write(self._answers, header, body)
        self._passing.madvise(mmap.MADV_DONTNEED)

    @contextlib.contextmanager
    def _apart(self, job: Callable[[int], None], *kept: int) -> Iterator[tuple[int, int]]:
        """A fork in a place of its own that does a job; its number and the end of the pipe that the job writes to.

        kept: other descriptors that the job needs.
        """
        assert self._seclusion is not None
        receiving, sending = os.pipe()
        child = self._seclusion.fork()
        if child == 0:
            # Never returns: neither the parent's clean-up nor a student's atexit handlers may run here.
            code = NOT_APART
            try:
                close_all_but(sending, *kept)
                os.setsid()
                self._seclusion.enter()
                _limit(self._limits, self._in_use, own_user=self._degree == BUBBLEWRAP)
                seccomp.install()
                confine()
                code = 0
                job(sending)
            finally:
                os._exit(code)
        os.close(sending)
        try:
            yield child, receiving
        finally:
            os.close(receiving)
            self._seclusion.leave(child)

    def _end(self, child: int) -> int:
        """Kill what is left of a fork; its exit code."""
        for kill in (os.killpg, os.kill):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        return os.waitstatus_to_exitcode(status)


def _collect(descriptor: int, data: memoryview, limits: Limits) -> tuple[int, str]:
    """Put into `data` what arrives until the last frame, the end of the stream, silence, the deadline or the limit.

    Returns how much it is and which of these it was.
    """
    deadline = time.monotonic() + limits.seconds
    silence = limits.cell_seconds + limits.stall_seconds
    size = checked = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return size, "timeout"
        if not select.select([descriptor], [], [], min(left, silence))[0]:
            return size, "stalled"
        with data[size : size + PIECE] as room:
            count = os.readv(descriptor, [room])
        if not count:
            return size, "closed"
        size += count
        if size > limits.result_bytes:
            return limits.result_bytes, "flood"
        # A process that the submission left behind may hold the pipe open, so its end is a frame.
        while (end := _frame_end(data, checked, size)) is not None:
            if data[checked:end] == END:
                return end, "end"
            checked = end


def _frame_end(data: memoryview, start: int, size: int) -> int | None:
    """Where the frame that begins at `start` ends; None while it is incomplete."""
    if size - start < LENGTHS.size:
        return None
    end: int = start + LENGTHS.size + sum(LENGTHS.unpack_from(data, start))
    return end if end <= size else None


def _address_space() -> int:
    """Bytes of address space that this process has; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0


def _limit(limits: Limits, in_use: int, *, own_user: bool) -> None:
    """The kernel's limits for this process. in_use: the address space that it begins with.

    own_user: whether its threads are counted apart from those of whoever grades.
    """
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
    }
    if own_user:
        wanted[resource.RLIMIT_NPROC] = limits.threads
    if in_use:
        wanted[resource.RLIMIT_AS] = in_use + limits.memory_bytes
    for what, value in wanted.items():
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def _settle() -> None:
    """What every fork is to find: random numbers that are the same in every grading, and memory cheap to share."""
    numpy.random.seed(0)
    torch.manual_seed(0)
    gc.collect()
    gc.freeze()  # the collector leaves alone what is here
    _use_huge_pages()


def _use_huge_pages() -> None:
    """Gather this process's memory in huge pages, of which a fork copies one entry for 512. Linux 6.1 or newer."""
    try:
        madvise = ctypes.CDLL(None).madvise
        mappings = Path("/proc/self/maps").read_text().splitlines()
    except (OSError, AttributeError):
        return
    madvise.argtypes = (ctypes.c_size_t, ctypes.c_size_t, ctypes.c_int)
    for mapping in mappings:
        addresses, access, _, device, *name = mapping.split()
        if access == "rw-p" and device == "00:00" and name[1:] in ([], ["[heap]"]):
            first, last = (int(address, 16) for address in addresses.split("-"))
            first, last = -(-first // HUGE_PAGE) * HUGE_PAGE, last // HUGE_PAGE * HUGE_PAGE
            if first < last:
                madvise(first, last - first, MADV_COLLAPSE)  # what it returns does not matter: it is a wish


def _read(descriptor: int, size: int, *, to_the_end: bool = False) -> bytes:
    """So many bytes; to_the_end: or fewer, where there are no more. Raises EOFError where there are no more."""
    data = bytearray()
    while len(data) < size:
        piece = os.read(descriptor, size - len(data))
        if not piece:
            if to_the_end:
                break
            raise EOFError
        data += piece
    return bytes(data)


def _write(descriptor: int, header: dict[str, Any], body: bytes | memoryview = b"") -> None:
    """One frame; the body goes out from where it is."""
    opening = json.dumps(header).encode()
    for part in (LENGTHS.pack(len(opening), len(body)) + opening, body):
        at = 0
        while at < len(part):
            at += os.write(descriptor, part[at : at + PIECE])


if __name__ == "__main__":
    main()
