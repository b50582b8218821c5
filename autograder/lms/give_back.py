"""A zip of feedback pages, named so that Canvas or Moodle hands each to its student."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.lms.roster import CANVAS

PAGE = ".html"


@dataclass(frozen=True)
class Returned:
    """The zip's bytes, how many pages it has, and the students whose pages are not in it, each with the reason."""

    content: bytes
    pages: int
    left_out: tuple[str, ...]


def feedback_zip(
    feedback: Path, autograded: Path, assignment: str, platform: str, returns: Mapping[str, Mapping[str, str]]
) -> Returned:
    """Pack the feedback of everybody whose submission was imported from this platform.

    feedback, autograded: nbgrader's folders. returns: of receive.recall. Raises OSError.
    """
    out = io.BytesIO()
    left_out = []
    pages = 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in sorted(path for path in feedback.glob(f"*/{assignment}") if path.is_dir()):
            student = folder.parent.name
            names = returns.get(student)
            if not names:
                left_out.append(f"{student}: not imported from {platform}; hand over {folder} yourself")
                continue
            # No page of a student's own: only those of notebooks that were autograded.
            graded = autograded / student / assignment
            for page in sorted(p for p in folder.glob(f"*{PAGE}") if (graded / f"{p.stem}.ipynb").is_file()):
                name = names.get(page.stem) or list(names.values())[-1]
                path = f"{name}_{page.name}" if platform == CANVAS else f"{name}/{page.name}"
                archive.writestr(path, page.read_bytes())
                pages += 1
    return Returned(out.getvalue(), pages, tuple(left_out))
