"""All that a worker of a cluster needs to grade one exercise: packed here by the course, opened there without it."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from autograder.course.cache import engine_digest
from autograder.course.folder import CASES
from autograder.course.open_grader import Course, home
from autograder.exercise.notebook import Exercise, read_exercise
from autograder.marking.grader import Grader
from autograder.reference.compute import References
from autograder.reference.kept import kept_file, references_in, references_of
from autograder.sandbox.host.bubblewrap import IsolationError, choose, refuse_exposed
from autograder.sandbox.host.pipes import SandboxError
from autograder.sandbox.host.sandbox import begun
from autograder.sandbox.limits import Limits
from autograder.sandbox.places import BUBBLEWRAP


class KitError(RuntimeError):
    """Raised where a kit cannot be opened; the message tells why and what to do."""


@dataclass(frozen=True)
class Kit:
    """One exercise, ready to be graded on another machine. It has hidden gradients; the secret is not in it.

    notebook: the name of the exercise's file. files: the content of that and of those beside it, by path. references:
    a file that kept_file names. made_by: what must be the same on both sides for the same marks.
    """

    assignment: str
    notebook: str
    files: Mapping[str, bytes]
    references: bytes
    credit: Mapping[str, float]
    limits: Limits
    made_by: str


def pack_kit(course: Course, exercise: Exercise) -> Kit:
    """Return the kit of an exercise; its references are computed and kept, where they are not yet.

    Raises what compute_references raises, and OSError.
    """
    references_of(exercise, course.secret, course.kept / CASES)
    folder = exercise.path.parent
    files = {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in (exercise.path, *exercise.files_beside())
    }
    references = kept_file(exercise, course.secret, course.kept / CASES).read_bytes()
    settings = course.settings
    credit = {str(verdict): part for verdict, part in settings.credit.items()}
    return Kit(folder.name, exercise.path.name, files, references, credit, settings.limits, versions())


@contextmanager
def opened_kit(kit: Kit, lines: int) -> Iterator[Grader]:
    """Yield a warm grader of `lines` lines, whose sandbox is bubblewrap and has been probed.

    Raises KitError, and IsolationError where this machine cannot set student code apart.
    """
    if kit.made_by != versions():
        raise KitError(f"it has {versions()}, the course has {kit.made_by}; install the same on both")
    choose(BUBBLEWRAP)
    with tempfile.TemporaryDirectory(prefix="dojo-kit-", ignore_cleanup_errors=True) as temporary:
        private = (Path(temporary),)
        refuse_exposed((*private, *home()))
        folder = Path(temporary, "solutions", kit.assignment)
        for name, content in kit.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        exercise = read_exercise(folder / kit.notebook)
        file = Path(temporary, "references.safetensors")
        file.write_bytes(kit.references)

        def references() -> References:
            found = references_in(exercise, file)
            if found is None:
                raise KitError("the references did not arrive whole; run again")
            return found

        process = begun(exercise, lines, kit.limits, BUBBLEWRAP, private)
        with Grader(process, references, kit.credit) as grader:
            # On the course's machine each submission would try again; a worker that cannot start is of no use.
            try:
                process.start(grader.references.known)
            except (OSError, SandboxError) as error:
                raise IsolationError(f"its sandbox does not start: {error}") from None
            yield grader


def versions() -> str:
    """Return what decides marks here: the code, torch and Python."""
    python = ".".join(platform.python_version_tuple()[:2])
    return f"autograder {engine_digest()[:12]}, torch {torch.__version__}, Python {python}"
