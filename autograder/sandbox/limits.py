"""What one submission may use. All in one place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The defaults suit an exercise whose honest solution takes milliseconds.

    cell_seconds: wall clock of one cell. stall_seconds: how much longer a cell that cannot be interrupted is
    waited for. seconds: wall clock of one go through a submission's runs. total_seconds: after which no other is
    begun. cpu_seconds, memory_bytes (address space beyond what the process has when it starts), file_bytes (size of
    one file), open_files and threads: the kernel's limits, for each process. disk_bytes: all its files together.
    threads and disk_bytes hold under `bubblewrap` only. tensor_bytes: the largest tensor that is sent back.
    result_bytes: the most that is sent back in one go. retries: how often a submission is run again without the
    cell that ended its process.
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
