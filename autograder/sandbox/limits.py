"""The limits of one submission. This is the only list of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The most that one submission may use; the defaults suit an exercise whose honest solution takes milliseconds.

    cell_seconds: wall clock of one cell. stall_seconds: how much longer the host waits for a cell that cannot be
    interrupted. seconds: wall clock of one request, which is all runs of a submission in one fork. total_seconds: time
    after which no further request is begun. cpu_seconds, memory_bytes (address space beyond what the process has when
    it starts), file_bytes (size of one file), open_files and threads: the kernel's limits, for each process.
    disk_bytes: size of each of its two writable folders. threads and disk_bytes hold under `bubblewrap` only.
    tensor_bytes: the largest tensor that is sent back. result_bytes: the most that is sent back for one request.
    retries: how often a submission is run again without the cell that ended its process.
    """

    cell_seconds: float = 10.0
    stall_seconds: float = 3.0
    seconds: float = 60.0
    total_seconds: float = 180.0
    cpu_seconds: int = 60
    memory_bytes: int = 4 * 2**30
    file_bytes: int = 64 * 2**20
    open_files: int = 256
    threads: int = 256
    disk_bytes: int = 64 * 2**20
    tensor_bytes: int = 8 * 2**20
    result_bytes: int = 256 * 2**20
    retries: int = 4
