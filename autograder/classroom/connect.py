"""Find the Dask cluster that an address names, or start one on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import dask
from distributed import Client, LocalCluster

from autograder.text import one_line

LOCAL = "local:"
CONNECT_SECONDS = 20.0


class ClusterError(RuntimeError):
    """Raised where there is no such cluster; the message tells why and what to do."""


@contextmanager
def connected(address: str) -> Iterator[Client]:
    """Yield a client of the cluster at an address, or of `local:4`: four workers on this machine, one core each.

    Raises ClusterError.
    """
    silence()
    count = address.removeprefix(LOCAL)
    if address.startswith(LOCAL):
        if not count.isdecimal() or int(count) == 0:
            raise ClusterError(f"{address} is no number of workers; write local:4 for four on this machine")
        # The sandboxes' memory is bounded by the limits of a submission, and is none that dask can see.
        with (
            dask.config.set({"distributed.comm.timeouts.connect": "120 s"}),  # on a busy machine they start slowly
            LocalCluster(
                n_workers=int(count),
                threads_per_worker=1,
                memory_limit=None,
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError, TypeError) as error:
        raise ClusterError(
            f"no scheduler of a Dask cluster answers at {address} ({one_line(str(error)) or type(error).__name__}); "
            "start it, or write local:4 for four workers on this machine"
        ) from None
    with client:
        yield client


def silence() -> None:
    """Keep `distributed` from speaking of what is said here in a line: workers that die, long notebooks."""
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # of its tasks that were waiting for a worker
    dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 GB"})
