"""A second process of a line, for the runs of the notebook's own case: it has given up the hidden ones, once for all.

A fork of the line's own process would have to give them up itself, which takes 3 ms and a quarter of its page faults.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

SIZE = struct.Struct(">I")
DONE = b"."


class Twin:
    """A fork of this process that serves when it is told to, over the descriptors that both have, and else waits.

    give_up: called once in the fork. serve: called in the fork with the size of a request; what it raises has been
    answered. The fork ends with this process.
    """

    def __init__(self, give_up: Callable[[], None], serve: Callable[[int], None]) -> None:
        orders, self._orders = os.pipe()
        self._done, done = os.pipe()
        if os.fork() == 0:
            # It never returns from here: the clean-up at the end of this process is not its own.
            try:
                os.close(self._orders)
                os.close(self._done)
                give_up()
                while order := os.read(orders, SIZE.size):  # shorter than what a pipe takes in one piece
                    serve(*SIZE.unpack(order))
                    os.write(done, DONE)
            finally:
                os._exit(0)
        os.close(orders)
        os.close(done)

    def serve(self, size: int) -> None:
        """Let the twin serve a request of `size` bytes, and wait until it has. Raises EOFError where it has ended."""
        try:
            os.write(self._orders, SIZE.pack(size))
        except BrokenPipeError:
            raise EOFError from None
        if os.read(self._done, len(DONE)) != DONE:
            raise EOFError
