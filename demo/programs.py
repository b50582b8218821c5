"""Run `nbgrader` and `autograder` over and over without importing all that they import each time.

The programs are the real ones and each run is a process of its own, with its own folder, environment and exit code.
Only it is forked from a process that has imported nbgrader and torch, which takes two seconds of processor time.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

# By program: the module with its entry point, and the function.
ENTRY = {"nbgrader": ("nbgrader.apps.nbgraderapp", "main"), "autograder": ("autograder.cli", "main")}
# What the programs import once they know what they are to do.
LATER = (
    "autograder.cells.ipython",
    "autograder.classroom.run",
    "autograder.classroom.table",
    "autograder.marking.grader",
    "autograder.nbgrader.autograde",
    "autograder.nbgrader.direct",
    "autograder.nbgrader.feedback",
    "autograder.nbgrader.plugins",
    "autograder.reference.kept",
    "IPython.core.magics",
    "multiprocessing.popen_fork",
    "numpy.ctypeslib",
    "sqlalchemy.dialects.sqlite",
)
AT_ONCE = 1 << 18  # bytes of a request: its command line and environment
_STARTING = threading.Lock()
FORKS = sys.platform == "linux"  # elsewhere a system library may not outlive a fork


def run(command: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Run a command in a folder with this environment; return its exit code and all that it printed.

    The code is negative where a signal ended it, as subprocess has it.
    """
    if not FORKS or command[0] not in ENTRY:
        return anew(command, folder, environment)
    with tempfile.TemporaryFile() as output:
        receiving, sending = os.pipe()
        try:
            request = json.dumps({"command": command, "folder": str(folder), "environment": dict(environment)})
            with _STARTING:
                requests, _ = _server()
            socket.send_fds(requests, [request.encode()], [output.fileno(), sending])
        finally:
            os.close(sending)
        with os.fdopen(receiving, "rb") as ending:
            # Nothing is written only where the one that watches was killed.
            code = os.waitstatus_to_exitcode(int(ending.read() or signal.SIGKILL))
        output.seek(0)
        return code, output.read().decode(errors="replace")


def anew(command: tuple[str, ...], folder: Path, environment: Mapping[str, str]) -> tuple[int, str]:
    """Do the same in a process that starts anew, which any program can."""
    done = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@functools.cache
def _server() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Start the process that forks; return the socket that it reads requests from, and it. It ends with this one."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        # -P: as for an installed program, no folder of ours is where modules are looked for first.
        process = subprocess.Popen(
            [sys.executable, "-P", __file__, str(theirs.fileno())],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return ours, process


def remember_version() -> None:
    """Let nbgrader know the version of its gradebooks' tables in this process and its forks.

    For each new gradebook it starts `alembic`, which imports nbgrader for nearly a second, to say this one word.
    """
    from alembic.script import ScriptDirectory
    from nbgrader import api
    from nbgrader.dbutil import ALEMBIC_DIR

    version = ScriptDirectory(ALEMBIC_DIR).get_current_head()
    api.get_alembic_version = lambda: version


def _serve(requests: socket.socket) -> None:
    """Fork for each request until the other side is gone. Returns in the fork too, with its program run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the programs
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those that watch
    for module in (*(module for module, _ in ENTRY.values()), *LATER):
        importlib.import_module(module)
    remember_version()
    gc.freeze()  # or each fork's garbage collector copies all of it
    while True:
        request, descriptors, _, _ = socket.recv_fds(requests, AT_ONCE, 2)
        if not request:
            return
        if os.fork() == 0:
            _watch(json.loads(request), *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _watch(request: dict[str, Any], output: int, ending: int) -> None:
    """Fork again for the program itself, and write the status with which it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    program = os.fork()
    if program != 0:
        _, status = os.waitpid(program, 0)
        with contextlib.suppress(BrokenPipeError):
            os.write(ending, str(status).encode())
        os._exit(0)
    os.close(ending)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    name, *arguments = request["command"]
    sys.argv = [str(Path(sys.executable).parent / name), *arguments]
    module, function = ENTRY[name]
    try:
        code = getattr(sys.modules[module], function)()
    except SystemExit as end:
        code = end.code
    if code is None or isinstance(code, int):
        _leave(code or 0)
    sys.exit(code)


def _leave(code: int) -> NoReturn:
    """End as a program does, but take no module apart: to write into what is shared with the server copies it.

    The copies cost a quarter of a second for each command, ten times what the fork does.
    """
    try:
        threading._shutdown()  # type: ignore[attr-defined]  # as Python does: wait for threads, then the handlers
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code & 0xFF)


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as _requests:
        _serve(_requests)
