"""Prepare the warm process's memory for its forks."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource
import sys
from pathlib import Path

import numpy
import torch

MADV_COLLAPSE = 25  # asm-generic/mman-common.h


def first_to_go() -> None:
    """Make the kernel end this process and its forks first where the machine runs out of memory, never the grader."""
    with contextlib.suppress(OSError):  # not Linux
        Path("/proc/self/oom_score_adj").write_text("1000")


def address_space() -> int:
    """Return the size of this process's address space in bytes; 0 where the system does not tell."""
    statm = Path("/proc/self/statm")
    return int(statm.read_text().split()[0]) * resource.getpagesize() if statm.exists() else 0


def settle() -> None:
    """Give every fork the same random numbers in every grading, and no garbage to collect."""
    numpy.random.seed(0)
    torch.manual_seed(0)
    gc.collect()
    gc.enable()
    gc.freeze()  # the collector ignores objects made before, so that it does not write to pages that forks share


def into_huge_pages() -> None:
    """Move this process's own memory into huge pages, where the kernel can (Linux from 6.1 on).

    A fork then copies one entry of the page table where it copied 512, and has as many fewer to give back at its end:
    of each submission's processor time that is an eighth. To do it takes as much as thirty submissions gain.
    """
    if sys.platform != "linux":
        return
    collapse = ctypes.CDLL(None).madvise
    collapse.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        addresses, rights, *_, last = line.split()
        if rights == "rw-p" and last in ("0", "[heap]"):  # of no file, so that the inode is 0 and stands last
            start, end = (int(address, 16) for address in addresses.split("-"))
            collapse(start, end - start, MADV_COLLAPSE)  # fails where there is some that stays, with the rest moved
