"""The trusted side's end of the two pipes to a process in the sandbox: whole frames, with a deadline and a size."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import sys
import time

from autograder.wire import LENGTHS, MAX_HEADER_BYTES, Frame, WireError, decode_header, encode

PIECE = 2**20  # bytes that are read at a time; what Linux lets a pipe have


class SandboxError(RuntimeError):
    """The sandbox did not start, died or does not answer."""


class Connection:
    """Sends and receives frames over two descriptors, which it owns."""

    def __init__(self, receiving: int, sending: int) -> None:
        self._receiving = receiving
        self._sending = sending

    def send(self, frame: Frame) -> None:
        """Raises SandboxError where nobody is there."""
        data = memoryview(encode(frame))
        try:
            while data:
                data = data[os.write(self._sending, data) :]
        except OSError:
            raise SandboxError("the sandbox process has ended") from None

    def receive(self, seconds: float, body_limit: int) -> Frame:
        """The next frame, waited for so long. Raises SandboxError where none comes, or it is too large or no frame."""
        deadline = time.monotonic() + seconds
        header, body = LENGTHS.unpack(self._read(LENGTHS.size, deadline))
        if header > MAX_HEADER_BYTES or body > body_limit:
            raise SandboxError("the sandbox process sent an answer that is too large")
        try:
            described = decode_header(self._read(header, deadline))
        except WireError as error:
            raise SandboxError(f"the sandbox process sent {error}") from None
        # The body may be the largest that is allowed: it is never copied as a whole.
        return Frame(described, self._read(body, deadline))

    def close(self) -> None:
        """Close both pipes."""
        for descriptor in (self._receiving, self._sending):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._receiving = self._sending = -1  # their numbers may be somebody else's by now

    def _read(self, size: int, deadline: float) -> bytearray:
        data = bytearray(size)
        at = 0
        while at < size:
            left = deadline - time.monotonic()
            # poll, because select cannot take a descriptor above 1023.
            poll = select.poll()
            poll.register(self._receiving, select.POLLIN)
            if left <= 0 or not poll.poll(1000 * left):
                raise SandboxError("the sandbox process did not answer in time")
            with memoryview(data)[at:] as room:
                count = os.readv(self._receiving, [room])
            if not count:
                raise SandboxError("the sandbox process has ended")
            at += count
        return data


def wide_pipe() -> tuple[int, int]:
    """As os.pipe, with room for the results of a run where the system gives it: its ends wait less for each other."""
    receiving, sending = os.pipe()
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(sending, fcntl.F_SETPIPE_SZ, PIECE)
    return receiving, sending


def pair() -> tuple[Connection, tuple[int, int]]:
    """A connection, and the two descriptors that the process at its other end reads from and writes to."""
    requests, sending = os.pipe()
    receiving, answers = wide_pipe()
    return Connection(receiving, sending), (requests, answers)
