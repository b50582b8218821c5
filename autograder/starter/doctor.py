"""Say what is in order in a course and its environment, one line a point, each fault with its cure."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from traitlets.config.loader import Config

from autograder.course.folder import SOLUTIONS, is_stray
from autograder.course.released import differences
from autograder.course.secret import SecretError, read_or_create
from autograder.course.settings import CONFIG, SettingsError, load_config, settings_from_config
from autograder.nbgrader.plugins import uses_another_exchange
from autograder.sandbox.host.bubblewrap import why_not
from autograder.sandbox.places import PROCESS

MIN_PYTHON = (3, 11)
PACKAGES = ("torch", "nbgrader", "jupyterlab")
EVERYONE = stat.S_IROTH | stat.S_IWOTH | stat.S_IXOTH


@dataclass(frozen=True)
class Finding:
    """One point: its name, what was found, and the cure where it is not in order. later: it need not be so yet."""

    point: str
    found: str
    cure: str | None = None
    later: bool = False

    @property
    def is_fault(self) -> bool:
        """Whether something has to be done about it."""
        return self.cure is not None and not self.later


def examine(folder: Path) -> Iterator[Finding]:
    """Yield a finding for every point of the course in `folder`. Nothing is made or changed."""
    yield _python()
    yield from map(_package, PACKAGES)
    yield _programs()
    try:
        config = load_config(folder)
        settings = settings_from_config(config, folder)
    except SettingsError as error:
        yield Finding("settings", str(error), f"mend {CONFIG}; the points below need it")
        return
    has_config = (folder / CONFIG).is_file()
    yield Finding("settings", CONFIG if has_config else f"no {CONFIG} here", None if has_config else _NO_COURSE)
    yield _confinement(settings.isolation)
    yield _exchange(folder, config)
    yield _secret(settings.secret)
    yield _roster(folder, config)
    yield from _released(folder, config)


_NO_COURSE = "run this in the course folder, or make one: autograder init FOLDER"


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    return Finding(
        "Python", found, None if sys.version_info >= MIN_PYTHON else "make the environment with 3.11 or newer"
    )


def _package(name: str) -> Finding:
    try:
        return Finding(name, version(name))
    except PackageNotFoundError:
        return Finding(name, "not installed", f"pip install {name}")


def _programs() -> Finding:
    """nbgrader calls alembic by name."""
    places = os.environ.get("PATH", os.defpath).split(os.pathsep)
    beside = str(Path(sys.executable).parent)
    missing = [p for p in ("nbgrader", "alembic") if not any(os.access(Path(f, p), os.X_OK) for f in places)]
    if not missing:
        return Finding("programs", "nbgrader and alembic are on the PATH")
    return Finding("programs", f"{' and '.join(missing)} not on the PATH", f"export PATH={beside}:$PATH")


def _confinement(wanted: str) -> Finding:
    if wanted == PROCESS:
        return Finding("bubblewrap", "not asked for (isolation = process): student code can read what you can read")
    reason = why_not()
    return Finding("bubblewrap", "works") if reason is None else Finding("bubblewrap", *_halves(reason))


def _halves(reason: str) -> tuple[str, str]:
    found, _, cure = reason.partition("; ")
    return found, cure


def _exchange(folder: Path, config: Config) -> Finding:
    if uses_another_exchange(folder):
        return Finding("exchange", "not nbgrader's own; its steps are left as they are")
    root = Path(str(config.get("Exchange", {}).get("root") or "/usr/local/share/nbgrader/exchange"))
    if not root.is_dir():
        return Finding(
            "exchange",
            f"{root} is no folder",
            f"mkdir -m 777 -p {root}, or name another one in NBGRADER_EXCHANGE; not needed with an LMS",
        )
    group = config.get("CourseDirectory", {}).get("groupshared") is True
    if not group and stat.S_IMODE(root.stat().st_mode) & EVERYONE != EVERYONE:
        return Finding("exchange", f"not everybody may write to {root}", f"chmod 777 {root}")
    inbound = root / str(config.get("CourseDirectory", {}).get("course_id") or "") / "inbound"
    if inbound.is_dir() and not stat.S_IMODE(inbound.stat().st_mode) & stat.S_IWOTH and not group:
        return Finding("exchange", f"students may not write to {inbound}", f"chmod 733 {inbound}")
    return Finding("exchange", str(root))


def _secret(path: Path) -> Finding:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return Finding("secret", "none so far; the first grading makes it")
    except OSError as error:
        return Finding("secret", f"{path}: {error.strerror}", "make it readable for you")
    if mode & 0o077:
        return Finding("secret", f"others may read {path} (mode {mode:03o})", f"chmod 600 {path}")
    try:
        read_or_create(path)
    except (SecretError, OSError) as error:
        return Finding("secret", *_halves(str(error)))
    return Finding("secret", f"{path.name}, mode {mode:03o}")


def _roster(folder: Path, config: Config) -> Finding:
    database = folder / "gradebook.db"
    if not database.is_file() and not config.get("CourseDirectory", {}).get("db_url"):
        return Finding(
            "roster", "no gradebook so far", "autograder roster FILE, a CSV file of Canvas, Moodle or your own"
        )
    from nbgrader.api import Gradebook
    from nbgrader.coursedir import CourseDirectory

    try:
        with Gradebook(CourseDirectory(config=config, root=str(folder.absolute())).db_url) as gradebook:
            count = len(gradebook.students)
    except Exception as error:  # whatever SQLAlchemy raises for a file that is no database
        said = str(error).splitlines()[0]
        return Finding("roster", f"the gradebook cannot be read: {said}", "restore gradebook.db from your backup")
    if count:
        return Finding("roster", f"{count} student{'s' * (count != 1)}")
    return Finding("roster", "nobody", "autograder roster FILE, a CSV file of Canvas, Moodle or your own")


def _released(folder: Path, config: Config) -> Iterator[Finding]:
    """What students get is made from what is marked: for each assignment, the first difference."""
    released = folder / str(config.get("CourseDirectory", {}).get("release_directory") or "release")
    assignments = sorted(p for p in (folder / SOLUTIONS).glob("*") if p.is_dir() and not is_stray(p.name))
    if not assignments:
        yield Finding("exercises", f"none in {SOLUTIONS}/", _NO_COURSE)
    for solutions in assignments:
        point, generate = f"released {solutions.name}", f"nbgrader generate_assignment {solutions.name}"
        if not (released / solutions.name).is_dir():  # a course need not use all that it has
            yield Finding(point, "not generated so far", f"{generate}, once it is wanted", later=True)
            continue
        found = differences(solutions, released / solutions.name)
        first = next(iter(found), None)
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        cure = f"{generate} --force, then release it again"
        yield Finding(point, f"{first}{more}", cure) if first else Finding(point, "as in solutions/")
