"""The trusted side: what a process in the sandbox finds around it, and bait for its attempts to get further."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autograder import bubblewrap
from autograder.escape import Bait


def copy_files(source: Path, target: Path) -> None:
    """Copy what lies beside the notebook (data, cmp), following links, leaving out every notebook."""
    for path in source.iterdir():
        if path.suffix != ".ipynb" and not path.name.startswith((".", "__")):
            if path.is_dir():
                shutil.copytree(path, target / path.name, ignore=shutil.ignore_patterns("*.ipynb", ".*", "__pycache__"))
            else:
                shutil.copy(path, target / path.name)


def environment(folder: str) -> dict[str, str]:
    """Nothing of the instructor's environment: no tokens, no paths to the course."""
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": folder,
        "OMP_NUM_THREADS": "1",
        # glibc's allocator keeps freed memory and takes it in large pieces: fewer page faults in every fork.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.top_pad=33554432:glibc.malloc.trim_threshold=1073741824",
    }


@contextmanager
def baited(folder: Path) -> Iterator[Bait]:
    """Something to reach at the end of every way out."""
    abstract = f"dojo-{os.getpid()}-{folder.name}" if sys.platform == "linux" else ""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.socket(socket.AF_UNIX) as local,
        tempfile.NamedTemporaryFile(prefix="dojo-bait-") as file,
    ):
        file.write(b"bait")
        file.flush()
        if abstract:
            local.bind(f"\0{abstract}")
            local.listen()
        inside = [Path(path) for path in bubblewrap.installed()]
        home = [path for path in Path.home().iterdir() if not any(other.is_relative_to(path) for other in inside)]
        read_only = ("/", "/dev", bubblewrap.EXERCISE, str(Path(__file__).parent))
        port = listener.getsockname()[1]
        yield Bait(port, abstract, file.name, str(home[0]) if home else "", os.getpid(), read_only)
