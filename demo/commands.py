"""A course folder and its people: run nbgrader's and our commands as the instructor or as a student."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from demo import programs

ROOT = Path(__file__).resolve().parent.parent
ASSIGNMENT = "backprop"
"""The assignment that the sample class works on."""
OTHERS = tuple(sorted({path.parent.name for path in (ROOT / "solutions").glob("*/*.ipynb")} - {ASSIGNMENT}))
"""What is released beside it."""


class CommandError(RuntimeError):
    """A command failed; the message has its last lines."""


@dataclass(frozen=True)
class Course:
    """One course: `folder` is the instructor's, `exchange` what all share, each student has a home in `students`.

    anew: whether each command starts as on a command line, imports and all, instead of being forked (programs.py).
    """

    folder: Path
    exchange: Path
    students: Path
    anew: bool = False

    def instructor(self, *command: str) -> str:
        """Run a command in the course folder and return what it printed. Raises CommandError."""
        return self._run(command, self.folder, self._environment(self.folder / "home"))

    def student(self, name: str, *command: str) -> str:
        """Run a command in a student's own folder, as that student. Raises CommandError."""
        home = self.home(name)
        environment = self._environment(home) | {"JUPYTERHUB_USER": name, "JUPYTER_CONFIG_PATH": str(self.folder)}
        return self._run(command, home, environment)

    def home(self, name: str) -> Path:
        """A student's folder, made on first use."""
        home = self.students / name
        home.mkdir(parents=True, exist_ok=True)
        return home

    def _run(self, command: tuple[str, ...], folder: Path, environment: dict[str, str]) -> str:
        code, said = (programs.anew if self.anew else programs.run)(command, folder, environment)
        if code != 0:
            tail = "\n".join(said.splitlines()[-15:])
            raise CommandError(f"{' '.join(command)} ended with exit code {code}:\n{tail}")
        return said

    def _environment(self, home: Path) -> dict[str, str]:
        home.mkdir(parents=True, exist_ok=True)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "NBGRADER"))}
        return kept | {
            # nbgrader calls alembic by name.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "HOME": str(home),
            "NBGRADER_EXCHANGE": str(self.exchange),
        }


def new_course(folder: Path, exercises: str = "*") -> Course:
    """A fresh course in `folder`, which is emptied first: the solutions and nbgrader_config.py as committed.

    exercises: only the notebooks whose names match.
    """
    if folder.exists():
        shutil.rmtree(folder)
    instructor, exchange = folder / "instructor", folder / "exchange"
    exchange.mkdir(parents=True)
    exchange.chmod(0o777)
    # The links beside the notebook become files, so that the course stands alone.
    shutil.copytree(ROOT / "solutions", instructor / "solutions", ignore=shutil.ignore_patterns(".*", "__pycache__"))
    for notebook in (instructor / "solutions" / ASSIGNMENT).glob("*.ipynb"):
        if not notebook.match(f"{exercises}.ipynb"):
            notebook.unlink()
    # All students of this course work under one account.
    settings = (ROOT / "nbgrader_config.py").read_text().replace("trust_hub_user = False", "trust_hub_user = True")
    (instructor / "nbgrader_config.py").write_text(settings)
    return Course(instructor, exchange, folder / "students")
