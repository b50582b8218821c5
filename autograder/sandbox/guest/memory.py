"""Prepare the warm process's memory for its forks."""

from __future__ import annotations

import contextlib
import gc
import resource
from pathlib import Path

import numpy
import torch


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
