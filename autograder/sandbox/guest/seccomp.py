"""Refuse system calls that no gradient needs, with a filter in the kernel for a submission's process (Linux only).

The filter refuses new processes, programs, sockets, signals to other processes and access to their memory; memory
that the limits do not count (memfd_create, System V, huge pages held by a pipe); and resources of which a user or
the machine has few (asynchronous io, watches of files). asyncio needs a pair of sockets, so that is allowed, but the
pair cannot get a name or connect: setsockopt would let the kernel name it. The filter holds for native code too, which
Python's audit hooks do not see, and cannot be removed again. See seccomp(2).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

# By machine: the architecture's number for seccomp, and system calls by name (asm/unistd.h).
_NUMBERS: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "clone": 56, "clone3": 435, "kill": 62, "tgkill": 234,
            "fork": 57, "vfork": 58, "execve": 59, "execveat": 322,
            "socket": 41, "tkill": 200, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "pidfd_send_signal": 424,
            "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "pidfd_getfd": 438, "kcmp": 312,
            "unshare": 272, "setns": 308, "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161,
            "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
            "mount_setattr": 442, "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "io_uring_setup": 425,
            "add_key": 248, "request_key": 249, "keyctl": 250, "prlimit64": 302,
            "memfd_create": 319, "memfd_secret": 447, "shmget": 29, "msgget": 68, "semget": 64, "mq_open": 240,
            "vmsplice": 278, "io_setup": 206, "inotify_init": 253, "inotify_init1": 294, "fanotify_init": 300,
            "bind": 49, "connect": 42, "setsockopt": 54, "sendmsg": 46, "sendmmsg": 307,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "clone": 220, "clone3": 435, "kill": 129, "tgkill": 131,
            "execve": 221, "execveat": 281,
            "socket": 198, "tkill": 130, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "pidfd_send_signal": 424,
            "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271, "pidfd_getfd": 438, "kcmp": 272,
            "unshare": 97, "setns": 268, "mount": 40, "umount2": 39, "pivot_root": 41, "chroot": 51,
            "open_tree": 428, "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433,
            "mount_setattr": 442, "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "io_uring_setup": 425,
            "add_key": 217, "request_key": 218, "keyctl": 219, "prlimit64": 261,
            "memfd_create": 279, "memfd_secret": 447, "shmget": 194, "msgget": 186, "semget": 190, "mq_open": 180,
            "vmsplice": 75, "io_setup": 0, "inotify_init1": 26, "fanotify_init": 262,
            "bind": 200, "connect": 203, "setsockopt": 208, "sendmsg": 211, "sendmmsg": 269,
        },
    ),
}  # fmt: skip

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16  # offsets in struct seccomp_data
_CLONE_THREAD = 0x10000
_OTHER_ABI = 0x40000000  # x32's numbers begin here
_SET_NO_NEW_PRIVS, _SET_SECCOMP, _MODE_FILTER = 38, 22, 2


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def install() -> bool:
    """Put the filter on this process and its children. Returns False where there is none for this machine or kernel.

    Raises OSError where the kernel refuses a filter that it should take.
    """
    if platform.system() != "Linux" or platform.machine() not in _NUMBERS:
        return False
    program = filter_for(platform.machine(), os.getpid())
    libc = ctypes.CDLL(None, use_errno=True)
    whole = _Program(len(program) // 8, program)
    for call in ((_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_SET_SECCOMP, _MODE_FILTER, ctypes.byref(whole), 0, 0)):
        if libc.prctl(*call) != 0:
            number = ctypes.get_errno()
            if number in (errno.EINVAL, errno.ENOSYS):  # a kernel without it
                return False
            raise OSError(number, os.strerror(number))
    return True


def filter_for(machine: str, pid: int) -> bytes:
    """Return the filter's program for process `pid`: 8 bytes for each instruction, as in linux/filter.h.

    machine: a key of _NUMBERS.
    """
    architecture, calls = _NUMBERS[machine]
    special = ("clone", "clone3", "kill", "tgkill")
    steps = [
        _step(_LOAD, _ARCHITECTURE), _step(_EQUAL, architecture, 1, 0), _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER), _step(_AT_LEAST, _OTHER_ABI, 0, 1), _refuse(errno.ENOSYS),
        # The C library then calls clone, whose flags a filter can read; clone3 has them behind a pointer.
        _step(_EQUAL, calls["clone3"], 0, 1), _refuse(errno.ENOSYS),
    ]  # fmt: skip
    for name, number in calls.items():
        if name not in special:
            steps += [_step(_EQUAL, number, 0, 1), _refuse(errno.EPERM)]
    # A thread is allowed, a process is not.
    steps += [
        _step(_EQUAL, calls["clone"], 0, 4), _step(_LOAD, _FIRST_ARGUMENT), _step(_ANY_BIT, _CLONE_THREAD, 0, 1),
        _step(_RETURN, _ALLOW), _refuse(errno.EPERM),
    ]  # fmt: skip
    # A signal to oneself is allowed: abort() and Python's own are that.
    steps += [
        _step(_EQUAL, calls["kill"], 1, 0), _step(_EQUAL, calls["tgkill"], 0, 4),
        _step(_LOAD, _FIRST_ARGUMENT), _step(_EQUAL, pid, 0, 1), _step(_RETURN, _ALLOW), _refuse(errno.EPERM),
        _step(_RETURN, _ALLOW),
    ]  # fmt: skip
    return b"".join(steps)


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)


def _refuse(number: int) -> bytes:
    return _step(_RETURN, 0x00050000 | number)
