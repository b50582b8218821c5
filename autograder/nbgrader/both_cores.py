"""Let `nbgrader generate_feedback` make several students' pages at a time, and copy only what the pages show.

nbgrader names its converter in code. So this module, imported by the exporter that the configuration names, puts other
steps in the place of some of the converter's.
"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from fnmatch import fnmatch
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from nbgrader.apps.baseapp import NbGrader
from nbgrader.converters.base import NbGraderException
from nbgrader.converters.generate_feedback import GenerateFeedback

from autograder.nbgrader.quiet import quiet
from autograder.nbgrader.replaced import replaced
from autograder.nbgrader.submitted import copy_beside
from autograder.text import one_line

PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
NEEDED = ("timestamp.txt", "submission_secret.txt")  # by release_feedback
_CONVERTER: list[Any] = []  # in a process of the pool: the converter of the process that it was forked from


def _init_assignment(self: Any, assignment_id: str, student_id: str) -> None:
    """Copy the pictures beside the notebooks, and what release_feedback names the pages by.

    The other files are the students' already, and no page shows them.
    """

    def ignored(path: Path) -> bool:
        return any(fnmatch(path.name, pattern) for pattern in self.coursedir.ignore) or (
            path.is_file() and path.suffix.lower() not in PICTURES and path.name not in NEEDED
        )

    source, target = (Path(part(assignment_id, student_id)) for part in (self._format_source, self._format_dest))
    target.mkdir(parents=True, exist_ok=True)
    copy_beside(source, target, ignored, self.log.warning)


def _convert_single_notebook(self: Any, notebook_filename: str) -> None:
    """Make one page, or say in one line why there is none; nbgrader's traceback is kept for its log file."""
    try:
        _THEIRS["convert_single_notebook"](self, notebook_filename)
    except Exception as error:
        self.log.error("%s: %s", one_line(notebook_filename), one_line(str(error) or type(error).__name__))
        raise


def _convert_notebooks(self: Any) -> None:
    """Make all pages, as many students' at a time as there are cores.

    In one process where a server has called, whose threads a fork would not survive. Raises NbGraderException after
    all, where there are students whose pages could not be made.
    """
    with quiet(self.log):
        folders = sorted(self.assignments)
        jobs = min(len(folders), os.cpu_count() or 1) if isinstance(self.parent, NbGrader) else 1
        failed = _in_processes(self, folders, jobs) if jobs > 1 else [f for f in folders if not _convert(self, f)]
        names = [one_line(Path(folder).parent.name) for folder in failed]
        self.log.info("%s: the pages of %d students", self.coursedir.assignment_id, len(folders) - len(failed))
        if failed:
            self.log.error("The pages of %s could not be made; the others are there", ", ".join(names))
            raise NbGraderException("some pages could not be made")


def _in_processes(converter: Any, folders: list[str], jobs: int) -> list[str]:
    """Return the folders whose pages could not be made. One that ends its process is tried once more by itself."""
    done: dict[str, bool] = {}
    for several in (jobs, 1):
        waiting = [folder for folder in folders if folder not in done]
        if several > 1:
            done |= _pool(converter, waiting, several)
        else:
            for folder in waiting:
                done |= {folder: False} | _pool(converter, [folder], 1)
    return [folder for folder in folders if not done[folder]]


def _pool(converter: Any, folders: list[str], jobs: int) -> dict[str, bool]:
    """Return for each folder that a process has dealt with whether its pages are there."""
    done = {}
    with ProcessPoolExecutor(jobs, get_context("fork"), _CONVERTER.append, (converter,)) as pool:
        waiting = {folder: pool.submit(_convert_forked, folder) for folder in folders}
        for folder, future in waiting.items():
            try:
                done[folder] = future.result()
            except BrokenProcessPool:
                continue
    return done


def _convert_forked(folder: str) -> bool:
    return _convert(_CONVERTER[-1], folder)


def _convert(converter: Any, folder: str) -> bool:
    """Make the pages of one student; return whether they are there."""
    everybody = converter.assignments
    converter.assignments = {folder: everybody[folder]}
    try:
        _THEIRS["convert_notebooks"](converter)
    except NbGraderException:
        return False
    finally:
        converter.assignments = everybody
    return True


_THEIRS = replaced(
    GenerateFeedback,
    {
        "init_assignment": _init_assignment,
        "convert_single_notebook": _convert_single_notebook,
        "convert_notebooks": _convert_notebooks,
    },
)
