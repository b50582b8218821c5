"""Send and receive whole frames at the host's end of the two pipes to a guest process."""

from __future__ import annotations

import contextlib
import os
import select
import time

from autograder.sandbox.wire import Frame, WireError, read_opening, wide_pipe, write


class SandboxError(RuntimeError):
    """Raised where the sandbox did not start, has died or does not answer."""


class Connection:
    """Sends and receives frames over two descriptors, which it owns."""

    def __init__(self, receiving: int, sending: int) -> None:
        self._receiving = receiving
        self._sending = sending

    def send(self, frame: Frame) -> None:
        """Send a frame. Raises SandboxError where nobody reads it."""
        try:
            write(self._sending, frame)
        except OSError:
            raise SandboxError("the sandbox process has ended") from None

    def receive(self, seconds: float, body_limit: int) -> Frame:
        """Return the next frame, waiting at most `seconds`.

        Raises SandboxError where none comes in time, its body is above `body_limit` bytes, or it is no frame.
        """
        deadline = time.monotonic() + seconds
        try:
            header, body = read_opening(lambda size: self._read(size, deadline), body_limit)
        except WireError as error:
            raise SandboxError(f"the sandbox process sent {error}") from None
        # The body may be the largest that is allowed: it is never copied as a whole.
        return Frame(header, self._read(body, deadline))

    def close(self) -> None:
        """Close both pipes."""
        for descriptor in (self._receiving, self._sending):
            with contextlib.suppress(OSError):
                os.close(descriptor)
        self._receiving = self._sending = -1  # the numbers may belong to other files by now

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


def pair() -> tuple[Connection, tuple[int, int]]:
    """Return a connection, and the two descriptors that the process at its other end reads from and writes to."""
    requests, sending = os.pipe()
    receiving, answers = wide_pipe()
    return Connection(receiving, sending), (requests, answers)
