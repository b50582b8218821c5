"""One submission's own process, a fork of the warm one, from its start to its end."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import time
from collections.abc import Callable, Iterator

from autograder.sandbox.guest import audit, seccomp
from autograder.sandbox.guest.namespaces import Confinement, OwnNamespaces, close_all_but
from autograder.sandbox.guest.outbox import END
from autograder.sandbox.limits import Limits
from autograder.sandbox.wire import PIECE, frame_end, wide_pipe

NOT_CONFINED = 125  # the exit code of a fork that could not be confined: none of the student's code has run in it


@contextlib.contextmanager
def confined_fork(
    confinement: Confinement, limits: Limits, in_use: int, job: Callable[[int], None], *kept: int
) -> Iterator[tuple[int, int]]:
    """Run `job` in a confined fork. Yields (its process id, the descriptor to read what the job writes).

    in_use: bytes of address space that it begins with. kept: other descriptors that the job needs. The caller ends
    the fork with end().
    """
    receiving, sending = wide_pipe()
    child = confinement.fork()
    if child == 0:
        # Never returns: neither the parent's clean-up nor a student's atexit handlers may run here.
        code = NOT_CONFINED
        try:
            close_all_but(sending, *kept)
            os.setsid()
            confinement.enter()
            _limit(limits, in_use, own_user=isinstance(confinement, OwnNamespaces))
            seccomp.install()
            audit.install()
            code = 0
            job(sending)
        finally:
            os._exit(code)
    os.close(sending)
    try:
        yield child, receiving
    finally:
        os.close(receiving)
        confinement.leave(child)


def end(child: int) -> int:
    """Kill what is left of a fork and return its exit code."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def collect(descriptor: int, data: memoryview, limits: Limits) -> tuple[int, str]:
    """Put into `data` what arrives until the last frame, the end of the stream, silence, the deadline or the limit.

    Returns (bytes, reason); reason is "end", "closed", "stalled", "timeout" or "flood".
    """
    deadline = time.monotonic() + limits.seconds
    os.set_blocking(descriptor, False)  # the submission can open its end for reading and be there first
    silence = limits.cell_seconds + limits.stall_seconds
    size = checked = 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            return size, "timeout"
        if not select.select([descriptor], [], [], min(left, silence))[0]:
            return size, "stalled"
        try:
            with data[size : size + PIECE] as room:
                count = os.readv(descriptor, [room])
        except BlockingIOError:
            continue
        if not count:
            return size, "closed"
        size += count
        if size > limits.result_bytes:
            return limits.result_bytes, "flood"
        # A process that the submission left behind may hold the pipe open, so its end is a frame.
        while (stop := frame_end(data, checked, size)) is not None:
            if data[checked:stop] == END:
                data[stop:size] = bytes(size - stop)  # forged bytes behind the end reach no one
                return stop, "end"
            checked = stop


def _limit(limits: Limits, in_use: int, *, own_user: bool) -> None:
    """The kernel's limits for this process. in_use: the address space that it begins with.

    own_user: whether its threads are counted apart from those of whoever grades.
    """
    wanted = {
        resource.RLIMIT_CORE: 1,  # no dump at all: 0 allows one to a program, such as systemd's
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
