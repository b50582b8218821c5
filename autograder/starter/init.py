"""Lay out a new course folder, or what the students of a course need, from the installed package."""

from __future__ import annotations

import shutil
import sys
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from autograder.course.folder import CourseError
from autograder.course.hub import trusts_hub
from autograder.course.settings import CONFIG, load_config
from autograder.course.shipped import EXERCISES, shipped
from autograder.sandbox.places import PACKAGE

DISTRIBUTION = "backprop-dojo"
TEMPLATES = Path(__file__).parent / "templates"
EXCHANGE = "/usr/local/share/nbgrader/exchange"  # nbgrader's own default
# What a student's Python needs; nothing of this package, which knows the exercises' answers.
STUDENTS_NEED = ("torch", "nbgrader", "jupyterlab")


def new_course(folder: Path) -> None:
    """Lay out a course: settings, exercises, a Makefile and a README.

    Raises CourseError where the folder holds anything or the package came without its exercises, and OSError.
    """
    source = shipped()
    if source is None:
        raise CourseError(
            f"the exercises that come with {DISTRIBUTION} are not in this environment's share/; "
            f"install its wheel again: pip install --force-reinstall {DISTRIBUTION}"
        )
    _require_empty(folder)
    said = {"BIN": str(Path(sys.executable).parent), "VERSION": installed_version()}
    for name in ("Makefile", "README.md"):
        (folder / name).write_text(_filled("course", name, said), encoding="utf-8")
    (folder / ".gitignore").write_text(_filled("course", "gitignore", {}), encoding="utf-8")
    shutil.copyfile(source / CONFIG, folder / CONFIG)
    for notebook in sorted((source / EXERCISES).glob("*/*.ipynb")):
        target = folder / EXERCISES / notebook.parent.name
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(notebook, target / notebook.name)
    for target in (folder / EXERCISES).iterdir():
        for data in sorted((source / EXERCISES / target.name).glob("*.txt")):
            shutil.copyfile(data, target / data.name)  # follows a link
        shutil.copytree(PACKAGE / "dojo", target / "dojo", ignore=shutil.ignore_patterns("__pycache__"))


def new_students_side(folder: Path, course: Path) -> None:
    """Lay out what the students of a course need: settings for nbgrader, requirements and a README.

    course: the course folder; its course_id and exchange are taken over. Raises CourseError, SettingsError, OSError.
    """
    config = load_config(course)
    _require_empty(folder)
    name = config.get("CourseDirectory", {}).get("course_id") or DISTRIBUTION
    exchange = config.get("Exchange", {}).get("root") or EXCHANGE
    text = _filled("student", "nbgrader_config.txt", {"COURSE": repr(str(name)), "EXCHANGE": repr(str(exchange))})
    if trusts_hub(config):
        text += (
            "# The course believes the hub's name, where all servers run under one account.\n"
            'c.CourseDirectory.student_id = os.environ.get("JUPYTERHUB_USER") or "*"\n'
        )
    (folder / CONFIG).write_text(text, encoding="utf-8")
    (folder / "README.md").write_text(_filled("student", "README.md", {"COURSE": str(name)}), encoding="utf-8")
    lines = [
        "# torch's CPU build is enough, and a tenth of the size; its 'Get Started' page has the index",
        *_requirements(),
    ]
    (folder / "requirements.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def installed_version() -> str:
    """Return the version of this package; "unknown" where it was copied, not installed."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "unknown"


def _requirements() -> list[str]:
    """Return the requirement lines of STUDENTS_NEED, with this package's ranges."""
    try:
        lines = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        lines = []
    return [next((line for line in lines if line.startswith(name)), name) for name in STUDENTS_NEED]


def _require_empty(folder: Path) -> None:
    """Make the folder where it is missing. Raises CourseError where something is in it."""
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{folder} is a file; name a new or an empty folder")
    if folder.is_dir() and (found := next(folder.iterdir(), None)) is not None:
        raise CourseError(f"{folder} is not empty (it has {found.name}); name a new or an empty folder")
    folder.mkdir(parents=True, exist_ok=True)


def _filled(kind: str, name: str, said: dict[str, str]) -> str:
    """Return a template with its @NAME@ marks replaced."""
    text = (TEMPLATES / kind / name).read_text(encoding="utf-8")
    for mark, value in said.items():
        text = text.replace(f"@{mark}@", value)
    return text
