"""Run one submission in a fork of the warm process: confine it, collect its report, end it."""

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
    """Run `job` in a confined fork; yield (the fork's process id, the descriptor of what the job writes).

    job: gets the descriptor to write to. in_use: bytes of address space that the fork begins with. kept: other
    descriptors that the job needs. The caller ends the fork with end().
    """
    receiving, sending = wide_pipe()
    child = confinement.fork()
    if child == 0:
        # The fork never returns from here: neither the parent's clean-up nor a student's atexit handlers may run in it.
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
    """Kill a fork with all of its process group, and return its exit code; negative is the signal that ended it."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def collect(descriptor: int, data: memoryview, limits: Limits) -> tuple[int, str]:
    """Read a report into `data` until its end marker, the end of the stream, silence, the deadline or the limit.

    Returns (bytes, reason); reason is "end", "closed", "stalled", "timeout" or "flood".
    """
    deadline = time.monotonic() + limits.seconds
    os.set_blocking(descriptor, False)  # the submission may read from the pipe too, so that nothing is left
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
        # A process that the submission left behind may hold the pipe open, so a frame marks the end.
        while (stop := frame_end(data, checked, size)) is not None:
            if data[checked:stop] == END:
                data[stop:size] = bytes(size - stop)  # zero everything after it, so that forged bytes reach no one
                return stop, "end"
            checked = stop


def _limit(limits: Limits, in_use: int, *, own_user: bool) -> None:
    """Set the kernel's limits for this process. in_use: bytes of address space that it begins with.

    own_user: whether it has a user of its own, so that the kernel does not count the instructor's threads with it.
    """
    wanted = {
        resource.RLIMIT_CORE: 1,  # no core dump: with 0 the kernel still dumps to a program such as systemd's
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
