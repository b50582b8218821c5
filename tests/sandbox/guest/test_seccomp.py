"""The filter's program, run by a small interpreter of ours, and the real thing in a process of its own."""

from __future__ import annotations

import errno
import platform
import struct
import subprocess
import sys

import pytest

from autograder.sandbox.guest.seccomp import _NUMBERS, filter_for

PID = 4711
ALLOW, KILL = 0x7FFF0000, 0x80000000
THREAD, VM = 0x10000, 0x100


def refused(number):
    return 0x00050000 | number


def decide(machine, call, argument=0, architecture=None):
    """What the filter answers to a system call with this number and first argument."""
    data = {0: call, 4: architecture or _NUMBERS[machine][0], 16: argument & 0xFFFFFFFF}
    steps = [
        struct.unpack("HBBI", step) for step in struct.iter_unpack("8s", filter_for(machine, PID)) for step in step
    ]
    at, value = 0, 0
    while True:
        code, if_true, if_false, operand = steps[at]
        at += 1
        if code == 0x20:
            value = data[operand]
        elif code == 0x06:
            return operand
        else:
            holds = {0x15: value == operand, 0x35: value >= operand, 0x45: bool(value & operand)}[code]
            at += if_true if holds else if_false


@pytest.fixture(params=_NUMBERS)
def machine(request):
    return request.param


def test_every_call_that_is_named_is_refused(machine):
    for name, number in _NUMBERS[machine][1].items():
        assert decide(machine, number) == refused(errno.ENOSYS if name == "clone3" else errno.EPERM), name


def test_what_every_program_does_is_allowed(machine):
    named = set(_NUMBERS[machine][1].values())
    allowed = {"x86_64": (0, 1, 3, 9, 11, 12, 13, 60, 202, 231), "aarch64": (56, 57, 63, 64, 98, 222, 214)}[machine]
    assert not named & set(allowed)
    for number in allowed:
        assert decide(machine, number) == ALLOW


def test_a_thread_is_allowed_and_a_process_is_not(machine):
    clone = _NUMBERS[machine][1]["clone"]
    assert decide(machine, clone, THREAD | VM) == ALLOW
    for flags in (0, 17, VM, 0x4000 | VM | 17):
        assert decide(machine, clone, flags) == refused(errno.EPERM)


@pytest.mark.parametrize("name", ["kill", "tgkill"])
def test_a_signal_to_itself_is_allowed_and_to_nobody_else(machine, name):
    number = _NUMBERS[machine][1][name]
    assert decide(machine, number, PID) == ALLOW
    for pid in (0, 1, -1, -PID, PID + 1):
        assert decide(machine, number, pid) == refused(errno.EPERM)


def test_another_architecture_is_killed_and_another_abi_is_not_there(machine):
    assert decide(machine, 1, architecture=0x40000003) == KILL
    assert decide(machine, 0x40000000 + 57) == refused(errno.ENOSYS)


def test_both_machines_refuse_the_same():
    """Those that only one of them has are there as others: fork is clone, inotify_init is inotify_init1."""
    x86, arm = (set(_NUMBERS[machine][1]) for machine in ("x86_64", "aarch64"))
    assert x86 - arm == {"fork", "vfork", "inotify_init"}
    assert arm <= x86


REAL = """
import asyncio, ctypes, os, socket, threading
from autograder.sandbox.guest.seccomp import install
assert install()
libc = ctypes.CDLL(None, use_errno=True)
for attempt in (os.fork, lambda: os.kill(os.getppid(), 0), lambda: os.memfd_create("x"), socket.socket,
                lambda: os.execv("/bin/true", ["true"])):
    try:
        attempt()
    except PermissionError:
        continue
    raise SystemExit("open")
assert libc.vfork() == -1
thread = threading.Thread(target=print, args=("a thread",))
thread.start()
thread.join()
asyncio.run(asyncio.sleep(0))
os.kill(os.getpid(), 0)
print("done")
"""


@pytest.mark.skipif(platform.system() != "Linux" or platform.machine() not in _NUMBERS, reason="no filter here")
def test_in_a_process():
    done = subprocess.run([sys.executable, "-c", REAL], capture_output=True, text=True, check=False, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "a thread\ndone\n", "")
