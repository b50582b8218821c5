"""Python files of the student's own beside the notebook: what its cells may import, as they may in Jupyter."""

from __future__ import annotations

import os
from pathlib import Path

from autograder.exercise.notebook import Exercise
from autograder.submission.file import UnreadableError, read_plain_file

MAX_FILES, MAX_BYTES = 20, 2**17  # of one submission; an honest one has a page or two


def read_modules(folder: Path, exercise: Exercise) -> tuple[dict[str, str], list[str]]:
    """Return (text by file name, flags) of the modules in a submission's folder that are not the exercise's own."""
    if not any(name.endswith(".py") for name in _names(folder)):  # as a rule
        return {}, []
    own = {path.name for path in exercise.path.parent.iterdir()} if exercise.path.parent.is_dir() else set()
    found: dict[str, str] = {}
    flags: list[str] = []
    left = MAX_BYTES
    for path in sorted(path for path in folder.glob("*.py") if path.stem.isidentifier() and path.name not in own):
        try:
            text = read_plain_file(path, left).decode("utf-8-sig")
        except (UnreadableError, UnicodeDecodeError):
            text = None
        if text is None or len(found) == MAX_FILES:
            limits = f"plain text, {MAX_FILES} files and {MAX_BYTES // 1000} kB in all"
            flags.append(f"{path.name} and what follows it beside the notebook is left out; modules may be {limits}")
            break
        found[path.name] = text
        left -= len(text.encode())
    return found, flags


def _names(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries]
    except OSError:
        return []
