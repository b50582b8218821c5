"""Run the warm process: it holds what a student may know, and runs each submission in a fork of itself.

Started as `python -m autograder.sandbox.guest.worker DEGREE MEMBERS IN OUT [IN OUT ...]` by host/program.py. With
several members it splits into one process for each of them, which has its part of the descriptors. Each serves one
exercise: it reads frames from the first descriptor and answers on the second (see messages.py): first the exercise's
setup, then its cases, then it splits into one process for each pair of descriptors, then submissions.
No gradient is ever computed here except by student code.
"""

from __future__ import annotations

import gc

if __name__ == "__main__":
    gc.disable()  # until settle(): nothing that is imported is garbage, and looking for some takes a tenth of the time

import importlib
import json
import os
import random
import sys
import tempfile
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from autograder.cells.ipython import CellShell, new_shell
from autograder.cells.namespace import DTYPES, overlaid, run_setup
from autograder.dojo.structure import tensors_in
from autograder.sandbox import messages
from autograder.sandbox.guest.autograd_guard import Guard
from autograder.sandbox.guest.fork import NOT_CONFINED, collect, confined_fork, end
from autograder.sandbox.guest.memory import address_space, first_to_go, into_huge_pages, settle
from autograder.sandbox.guest.namespaces import Confinement, OwnFolder, OwnNamespaces, close_all_but
from autograder.sandbox.guest.passing import Passing
from autograder.sandbox.guest.probe import escapes
from autograder.sandbox.guest.run import CaseNames, StudentRun
from autograder.sandbox.guest.twin import Twin
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import Bait, ForwardLine, Known, Setup
from autograder.sandbox.places import BUBBLEWRAP
from autograder.sandbox.wire import PIECE, read_opening, write


def main() -> None:
    """Answer requests until the host closes the pipe. The arguments are the command line's."""
    degree, members, *numbers = sys.argv[1:]
    descriptors = [int(number) for number in numbers]
    pairs = list(zip(descriptors[::2], descriptors[1::2], strict=True))
    first_to_go()
    # Threads do not survive a fork: torch's pool must never be started in this process.
    torch.set_num_threads(1)
    sys.path.insert(0, "")  # the working folder, as in Jupyter
    with tempfile.TemporaryDirectory(prefix="ipython-") as ipython_dir:
        shell = new_shell(ipython_dir)
        lines = _one_member(pairs, int(members))
        if lines:
            _serve_all(_Server(shell, degree, lines))


def _one_member(pairs: list[tuple[int, int]], members: int) -> list[tuple[int, int]]:
    """Fork into one process for each member, and return its pairs of descriptors there; all others are closed.

    Returns none in this process once they have all ended. With one member there is nothing to fork for.
    """
    if members == 1:
        return pairs
    settle()  # what is loaded is shared by all
    size = len(pairs) // members
    for first in range(0, len(pairs), size):
        if os.fork() == 0:
            own = pairs[first : first + size]
            close_all_but(*chain.from_iterable(own))
            return own
    close_all_but()
    for _ in range(members):
        os.wait()
    return []


def _serve_all(server: _Server) -> None:
    try:
        while server.answer():
            pass
    except (BrokenPipeError, EOFError):  # the trusted side has gone
        return
    except Exception as error:
        server.fail(f"{type(error).__name__}: {error}")


class _Server:
    """Answers one request at a time.

    Every submission is a fork of this process and can read its memory, so nothing of another submission may be in it:
    the fork itself reads the request, and its report passes through pages that are wiped.
    """

    def __init__(self, shell: CellShell, degree: str, lines: list[tuple[int, int]]) -> None:
        self._shell = shell
        self._degree = degree
        self._lines = lines
        self._requests, self._answers = lines[0]
        self._confinement: Confinement | None = None
        self._guard = Guard()
        self._names: dict[str, Any] = {}
        self._cases: list[CaseNames] = []
        self._known: list[Known] = []  # until the split
        self._limits = Limits()
        self._forward: tuple[ForwardLine, ...] = ()
        self._tensors: Mapping[str, str] = {}
        self._twin: Twin | None = None
        self._passing: Passing | None = None
        self._in_use = 0

    def answer(self) -> bool:
        """Answer the next request. Returns False where there is none, because the host has closed the pipe."""
        try:
            header, body_size = read_opening(lambda size: _read(self._requests, size))
        except EOFError:
            return False
        if "submission" in header:
            (self._twin.serve if header["public"] and self._twin else self._serve)(body_size)
            return True
        if "probe" in header:
            self._probe(messages.read_probe(header))
            return True
        body = _read(self._requests, body_size)
        if "setup" in header:
            self._set_up(messages.read_setup(body))
        elif "split" in header:
            number = self._split()
            if number is not None and len(self._cases) > 1:
                self._twin = Twin(self._only_public, self._answered)
            if number != 0:  # only line 0 answers the split
                return number is not None
        else:
            self._lay_out(messages.read_case(header, body, self._known))
        write(self._answers, messages.ok_frame())
        return True

    def fail(self, error: str) -> None:
        """Answer with the reason why this process ends."""
        write(self._answers, messages.failed_frame(error))

    def _set_up(self, setup: Setup) -> None:
        with torch.no_grad():
            self._names = run_setup(self._shell, setup.cells, setup.parameters, {}, "float32")
        for _, tensor in tensors_in(self._names):
            tensor.requires_grad_(False)
        self._limits, self._forward, self._tensors = setup.limits, setup.forward, setup.tensors
        torch.set_grad_enabled(False)
        self._guard.install()
        settle()  # does most of the work while the host still computes the cases

    def _lay_out(self, known: Known) -> None:
        """Keep a case: the names that setup defined, with the case's tensors and plain values."""
        names = overlaid(self._names, known.tensors, known.scalars, known.structures)
        self._cases.append(CaseNames(names, dict(known.upstream), DTYPES[known.dtype]))
        self._known.append(known)

    def _split(self) -> int | None:
        """Fork into one process for each line, and return its number there.

        Returns None in this process once they have all ended: it only waits, so that a line which dies takes no other
        with it.
        """
        self._confinement = OwnNamespaces(self._limits.disk_bytes) if self._degree == BUBBLEWRAP else OwnFolder()
        self._known.clear()
        settle()
        if len(self._lines) > 1:  # there are more submissions than one
            into_huge_pages()
        for number, line in enumerate(self._lines):
            if os.fork() == 0:
                self._requests, self._answers = line
                self._close_other_lines()
                return number
        self._requests = self._answers = -1
        self._close_other_lines()
        for _ in self._lines:
            os.wait()
        return None

    def _only_public(self) -> None:
        del self._cases[1:]

    def _answered(self, request_size: int) -> None:
        """Serve as the twin; where that fails, answer with the reason."""
        try:
            self._serve(request_size)
        except Exception as error:
            self.fail(f"{type(error).__name__}: {error}")
            raise

    def _confined(self) -> Confinement:
        if self._confinement is None:
            raise RuntimeError("a submission before the split")
        return self._confinement

    def _close_other_lines(self) -> None:
        for descriptor in {d for line in self._lines for d in line} - {self._requests, self._answers}:
            os.close(descriptor)

    def _probe(self, bait: Bait) -> None:
        """Try to escape from a fork as a submission would."""

        def attempt(sending: int) -> None:
            os.write(sending, json.dumps(escapes(bait)).encode())

        with confined_fork(self._confined(), self._limits, self._in_use, attempt) as (child, receiving):
            found = _read(receiving, PIECE, to_the_end=True)
            end(child)
        write(self._answers, messages.ok_frame(escapes=json.loads(found) if found else None))

    def _serve(self, request_size: int) -> None:
        """Run one submission in a fork, and answer with its report and how it ended."""
        if self._passing is None:
            self._passing = Passing(self._limits.result_bytes + PIECE)  # collect() reads a piece more than is allowed
            self._in_use = address_space()

        def job(sending: int) -> None:
            request = messages.read_request(_read(self._requests, request_size))
            os.close(self._requests)
            for name, text in request.modules.items():
                Path(name).write_text(text, encoding="utf-8")
            if request.modules:  # it writes to many pages that the forks share, and most have none
                importlib.invalidate_caches()
            random.seed(0)  # Python's own draws anew in every fork; the others were seeded before it
            run = StudentRun(self._shell, self._cases, self._guard, self._limits, sending, self._forward, self._tensors)
            run.run(request)

        fork = confined_fork(self._confined(), self._limits, self._in_use, job, self._requests)
        with fork as (child, receiving), self._passing.view() as data:
            size, ending = collect(receiving, data, self._limits)
            code = end(child)
            with data[:size] as report:
                if code == NOT_CONFINED and size == 0:
                    answer = messages.failed_frame("the kernel did not let a submission's process be set apart")
                else:
                    answer = messages.done_frame(ending, code, report)
                write(self._answers, answer)
        self._passing.wipe(size)


def _read(descriptor: int, size: int, *, to_the_end: bool = False) -> bytes:
    """Return exactly `size` bytes; with to_the_end, fewer where the pipe ends before. Raises EOFError."""
    data = bytearray()
    while len(data) < size:
        piece = os.read(descriptor, size - len(data))
        if not piece:
            if to_the_end:
                break
            raise EOFError
        data += piece
    return bytes(data)


if __name__ == "__main__":
    main()
