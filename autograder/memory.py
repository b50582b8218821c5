"""In the warm process: what every fork is to find, and memory that is cheap to share with it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource
from pathlib import Path

import numpy
import torch

HUGE_PAGE = 2**21
MADV_COLLAPSE = 25


def first_to_go() -> None:
    """Where the machine's memory runs out, the kernel ends this process or a fork of it, never whoever grades."""
    with contextlib.suppress(OSError):  # not Linux
        Path("/proc/self/oom_score_adj").write_text("1000")


def address_space() -> int:
    """Bytes of address space that this process has; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0


def settle() -> None:
    """What every fork is to find: random numbers that are the same in every grading, and memory cheap to share."""
    numpy.random.seed(0)
    torch.manual_seed(0)
    gc.collect()
    gc.freeze()  # the collector leaves alone what is here
    _fill_holes()
    _use_huge_pages()


def _fill_holes() -> None:
    """Take what is free between the pieces of the heap that are in use, for good. glibc 2.33 or newer.

    A fork that is given such a piece writes to a page that it shares, which is copied; behind the last piece many
    of them lie in one page.
    """
    libc = ctypes.CDLL(None)
    try:
        malloc, free, sbrk, mallinfo = libc.malloc, libc.free, libc.sbrk, libc.mallinfo2
    except AttributeError:
        return
    malloc.argtypes, malloc.restype = (ctypes.c_size_t,), ctypes.c_void_p
    free.argtypes = (ctypes.c_void_p,)
    sbrk.argtypes, sbrk.restype = (ctypes.c_ssize_t,), ctypes.c_size_t
    mallinfo.restype = _Mallinfo
    last = sbrk(0) - mallinfo().keepcost
    for size in (*(2**power for power in range(16, 10, -1)), *range(1024, 16, -16)):
        while (piece := malloc(size - ctypes.sizeof(ctypes.c_size_t))) and piece < last:
            pass
        free(piece)


class _Mallinfo(ctypes.Structure):
    """As malloc.h has it. keepcost: bytes that are free at the end of the heap."""

    _fields_ = (("others", ctypes.c_size_t * 9), ("keepcost", ctypes.c_size_t))


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
