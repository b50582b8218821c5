"""Confine each submission's fork, as far as the degree of isolation goes.

Under `process` the fork has a folder of its own and the kernel's limits. Under `bubblewrap` it also has its own process
numbers, mounts, ipc and user, so that it can neither see, signal nor trace another submission or the warm process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from autograder.sandbox.places import installed

# sched.h and sys/mount.h
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWUSER, CLONE_NEWPID = 0x20000, 0x8000000, 0x10000000, 0x20000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 0x1000, 0x4000
O_PATH = getattr(os, "O_PATH", 0)
CAPABILITY_VERSION = 0x20080522
FILES = 10_000  # files that a submission may have in each writable folder: empty ones take the kernel's memory too
DEVICES = ("full", "null", "random", "tty", "urandom", "zero")  # devices of the host that bubblewrap shows
PRIVATE = Path("/tmp")  # a writable folder in memory, new for each submission


class Confinement(Protocol):
    """One way of confining a submission: OwnFolder or OwnNamespaces."""

    def fork(self) -> int:
        """Fork and return what os.fork returns. Raises OSError."""

    def enter(self) -> None:
        """Confine this process; called in the fork, before any of the student's code. Raises OSError."""

    def leave(self, child: int) -> None:
        """Remove the files of a fork; called in the parent, once the fork is dead."""


class OwnFolder:
    """Confines under `process`: a folder with copies of the exercise's files, removed afterwards."""

    def __init__(self) -> None:
        self._base = Path.cwd()
        self._files = _files(self._base)

    def fork(self) -> int:
        """Fork and return what os.fork returns."""
        return os.fork()

    def enter(self) -> None:
        """Make the folder and change into it."""
        folder = self._folder(os.getpid())
        folder.mkdir()
        for file in self._files:
            (shutil.copytree if file.is_dir() else shutil.copy)(file, folder / file.name)
        os.chdir(folder)
        os.environ["TMPDIR"] = str(folder)
        tempfile.tempdir = None

    def leave(self, child: int) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder(child), ignore_errors=True)

    def _folder(self, pid: int) -> Path:
        return self._base / f".submission-{pid}"


class OwnNamespaces:
    """Confines under `bubblewrap`: new process numbers, mounts, ipc and user for each submission.

    Needs CAP_SYS_ADMIN in the user namespace that bubblewrap made, see host/bubblewrap.py.
    memory: bytes of files that a submission may have in each writable folder.
    """

    def __init__(self, memory: int) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._libc.mount.argtypes = (*[ctypes.c_char_p] * 3, ctypes.c_ulong, ctypes.c_char_p)
        self._mine = os.open("/proc/self/ns/pid", os.O_RDONLY)
        self._files = _files(Path.cwd())
        self._below = [path for path in map(Path, installed()) if path.is_relative_to(PRIVATE)]
        # A device on a read-only mount can still be written to, but its mode, owner and times cannot be changed. The
        # mount's other restrictions must stay; bubblewrap's own --remount-ro would forbid opening the device.
        for name in DEVICES:
            device = f"/dev/{name}"
            kept = os.statvfs(device).f_flag & (MS_NOSUID | MS_NODEV | MS_NOEXEC)
            flags = MS_REMOUNT | MS_BIND | MS_RDONLY | kept
            self._call(self._libc.mount, None, device.encode(), None, flags, None)
        nothing = os.open("/dev/null", os.O_RDWR)
        for standard in range(3):  # the host opened them outside, where the device is not read-only
            os.dup2(nothing, standard)
        os.close(nothing)
        self._size = f"size={memory},nr_inodes={FILES},mode=0700".encode()

    def fork(self) -> int:
        """Fork into new process numbers. The fork is number 1: when it dies, every process that it started dies."""
        self._call(self._libc.unshare, CLONE_NEWPID)
        try:
            child = os.fork()
        except OSError:
            self._call(self._libc.setns, self._mine, CLONE_NEWPID)
            raise
        if child:
            self._call(self._libc.setns, self._mine, CLONE_NEWPID)
        return child

    def enter(self) -> None:
        """Enter new mounts with empty writable folders in memory, and give up every capability. Raises OSError."""
        libc = self._libc
        self._call(libc.unshare, CLONE_NEWNS | CLONE_NEWIPC)
        # Where Python lies below /tmp, show it in the new /tmp too: not all of it is imported yet.
        below = {path: os.open(path, O_PATH) for path in self._below}
        for folder in (bytes(PRIVATE), b"/dev/shm"):
            self._call(libc.mount, b"tmpfs", folder, b"tmpfs", MS_NOSUID | MS_NODEV, self._size)
        for path, descriptor in below.items():
            is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
            (path if is_folder else path.parent).mkdir(parents=True, exist_ok=True)
            if not is_folder:
                path.touch()
            self._call(libc.mount, f"/proc/self/fd/{descriptor}".encode(), bytes(path), None, MS_BIND | MS_REC, None)
            os.close(descriptor)
        # Read-only, because root outside may write the kernel's settings in it even without a capability.
        self._call(libc.mount, b"proc", b"/proc", b"proc", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, None)
        work = PRIVATE / "notebook"
        work.mkdir()
        for file in self._files:
            (work / file.name).symlink_to(file)
        os.chdir(work)
        # In a user namespace without mapped users no other one can be made.
        self._call(libc.unshare, CLONE_NEWUSER)
        header, none = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
        self._call(libc.capset, header, none)

    def leave(self, child: int) -> None:
        """Do nothing: the kernel has removed the fork's mounts with it."""

    def _call(self, function: Callable[..., int], *arguments: object) -> None:
        if function(*arguments) != 0:
            number = ctypes.get_errno()
            raise OSError(number, f"{getattr(function, '__name__', '')}: {os.strerror(number)}")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if not path.name.startswith(".")]


def close_all_but(*kept: int) -> None:
    """Close every descriptor but the three standard ones and those given."""
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = max(first, descriptor + 1)
    with contextlib.suppress(OSError):
        os.closerange(first, os.sysconf("SC_OPEN_MAX"))
