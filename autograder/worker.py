"""The untrusted side: holds what a student may know, and runs each submission in a fork of itself.

Started as `python -m autograder.worker DEGREE IN OUT [IN OUT ...]` by autograder.sandbox. Reads frames from the
first descriptor and answers on the second: first the exercise's setup, then its cases, then it splits, one process
for each pair of descriptors, then submissions.
No gradient is ever computed here except by student code.
"""

from __future__ import annotations

import ctypes
import json
import mmap
import os
import random
import sys
import tempfile
from typing import Any

import safetensors.torch
import torch

from autograder.child import NOT_APART, apart, collect, end
from autograder.connection import PIECE
from autograder.escape import Bait, escapes
from autograder.guard import Guard
from autograder.isolation import BUBBLEWRAP
from autograder.limits import Limits
from autograder.memory import address_space, first_to_go, settle
from autograder.namespace import DTYPES, overlaid, run_setup
from autograder.seclusion import OwnFolder, OwnNamespaces, Seclusion
from autograder.shell import CellShell, new_shell
from autograder.student_run import CaseNames, Run, StudentRun
from autograder.wire import LENGTHS

KEPT = 4 * PIECE  # of the memory that results pass through, between submissions; an honest one has less


def main() -> None:
    """Serve until the requests end."""
    degree, *numbers = sys.argv[1:]
    descriptors = [int(number) for number in numbers]
    lines = list(zip(descriptors[::2], descriptors[1::2], strict=True))
    first_to_go()
    # Threads do not survive a fork: torch's pool must never be started in this process.
    torch.set_num_threads(1)
    sys.path.insert(0, "")  # the working folder, as in Jupyter
    with tempfile.TemporaryDirectory(prefix="ipython-") as ipython_dir:
        server = _Server(new_shell(ipython_dir), degree, lines)
        try:
            while server.answer():
                pass
        except (BrokenPipeError, EOFError):  # the trusted side has gone
            return
        except Exception as error:
            server.fail(f"{type(error).__name__}: {error}")


class _Server:
    """Answers one request at a time.

    Every submission is a fork of this process and can read its memory, so nothing of a submission may ever be
    in it: the fork itself reads the request, and what comes back passes through pages that are wiped.
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

    def fail(self, error: str) -> None:
        """Say why this is the end."""
        _write(self._answers, {"ok": False, "error": error})

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
        settle()  # most of it, while the trusted side is still at work on the cases

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
        settle()
        for line in self._lines[1:]:
            if os.fork() == 0:
                self._requests, self._answers = line
                self._close_other_lines()
                return True
        self._close_other_lines()
        return False

    def _place(self) -> Seclusion:
        if self._seclusion is None:
            raise RuntimeError("a submission before the split")
        return self._seclusion

    def _close_other_lines(self) -> None:
        for descriptor in {d for line in self._lines for d in line} - {self._requests, self._answers}:
            os.close(descriptor)

    def _probe(self, bait: Bait) -> None:
        """Try to escape from where a submission would be."""

        def attempt(sending: int) -> None:
            os.write(sending, json.dumps(escapes(bait)).encode())

        with apart(self._place(), self._limits, self._in_use, attempt) as (child, receiving):
            found = _read(receiving, PIECE, to_the_end=True)
            end(child)
        _write(self._answers, {"ok": True, "escapes": json.loads(found) if found else None})

    def _serve(self, request_size: int) -> None:
        """Run one submission in a fork and pass on what it sends, with how it ended."""
        if self._passing is None:
            # With room for one piece more than is allowed.
            kind = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
            self._passing = mmap.mmap(-1, self._limits.result_bytes + PIECE, flags=kind)
            if sys.platform == "linux":  # pages that no fork shares can be written to without a fault
                self._passing.madvise(mmap.MADV_DONTFORK)
            self._in_use = address_space()

        def run(sending: int) -> None:
            request = json.loads(_read(self._requests, request_size))
            os.close(self._requests)
            random.seed(0)  # Python's own draws anew in every fork; the others were seeded before it
            run = StudentRun(self._shell, self._cases, self._guard, self._limits, sending)
            runs = [Run(**r) for r in request["runs"]]
            run.run(request["script"], runs, set(request["skip"]), cell_by_cell=request["cell_by_cell"])

        fork = apart(self._place(), self._limits, self._in_use, run, self._requests)
        with fork as (child, receiving), memoryview(self._passing) as data:
            size, ending = collect(receiving, data, self._limits)
            code = end(child)
            header = {"ok": True, "ending": ending, "exit": code}
            if code == NOT_APART and size == 0:
                header = {"ok": False, "error": "the kernel did not let a submission's process be set apart"}
            with data[:size] as body:
                _write(self._answers, header, body)
        if size > KEPT:
            self._passing.madvise(mmap.MADV_DONTNEED)
        else:  # cheaper than to have the pages back for the next
            ctypes.memset((ctypes.c_char * size).from_buffer(self._passing), 0, size)


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
