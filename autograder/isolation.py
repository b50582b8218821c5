"""How far submissions are set apart from the grader, and how that is chosen."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.bubblewrap import why_not

BUBBLEWRAP, PROCESS, AUTO = "bubblewrap", "process", "auto"
CHOICES = (AUTO, BUBBLEWRAP, PROCESS)


class IsolationError(RuntimeError):
    """The degree that was asked for is not to be had; the message says why and what to do."""


@dataclass(frozen=True)
class Isolation:
    """The degree in force, "bubblewrap" or "process", and what to tell the instructor about it, if anything."""

    degree: str
    warning: str | None = None


def choose(wanted: str) -> Isolation:
    """The degree to use. wanted: one of CHOICES; `auto` takes bubblewrap where it works. Raises IsolationError."""
    if wanted == PROCESS:
        return Isolation(PROCESS)
    reason = why_not()
    if reason is None:
        return Isolation(BUBBLEWRAP)
    if wanted == BUBBLEWRAP:
        raise IsolationError(reason)
    return Isolation(PROCESS, f"isolation is `process`, limits only: student code can read what you can read; {reason}")
