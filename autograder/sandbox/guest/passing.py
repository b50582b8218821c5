"""The memory through which reports pass on to the host: no fork has it, and it is wiped after each."""

from __future__ import annotations

import ctypes
import mmap
import sys

from autograder.sandbox.wire import PIECE

# Reports up to this size are wiped by writing zeros, larger ones by returning the memory; an honest one is smaller.
KEPT = 4 * PIECE


class Passing:
    """Memory for one report after the other, of at most `size` bytes."""

    def __init__(self, size: int) -> None:
        self._memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        if sys.platform == "linux":  # pages that no fork shares can be written to without a fault
            self._memory.madvise(mmap.MADV_DONTFORK)

    def view(self) -> memoryview:
        """Return all of it, to be written to; to be released before wipe()."""
        return memoryview(self._memory)

    def wipe(self, size: int) -> None:
        """Forget the report that its first `size` bytes hold."""
        if size > KEPT:
            self._memory.madvise(mmap.MADV_DONTNEED)
        else:  # cheaper than new pages for the next submission
            ctypes.memset((ctypes.c_char * size).from_buffer(self._memory), 0, size)
