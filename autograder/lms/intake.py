"""Take a platform's archive into a course: find whose each submission is, and put it into submitted/."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from autograder.lms.archive import Archive, EntryError
from autograder.lms.handed_in import Contents, HandedIn, find_student
from autograder.lms.receive import NOTEBOOK, kept_name, receive
from autograder.lms.roster import Student


@dataclass
class Intake:
    """What became of an archive.

    counts: of each outcome, and of "late". returns: by student and notebook, what its feedback must be called. notes:
    what the instructor should know. faults: what was not taken, each with the reason.
    """

    counts: Counter[str] = field(default_factory=Counter)
    returns: dict[str, dict[str, str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def take_in(
    contents: Contents,
    archive: Archive,
    students: list[Student],
    submitted: Path,
    assignment: str,
    exercises: Sequence[str],
    due: datetime | None,
) -> Intake:
    """Receive every submission of the archive; whatever is wrong with one is in the result and stops no other.

    submitted: nbgrader's folder of submissions. exercises: names of the assignment's notebooks. due: in UTC.
    """
    intake = Intake(faults=[*contents.refused, *archive.refused])
    for student, handed_in in _owned(contents, students, intake).items():
        one = max(handed_in, key=lambda each: each.when or datetime.min)
        if len(handed_in) > 1:
            intake.notes.append(f"{student} has {len(handed_in)} submissions in the archive; the last one counts")
        try:
            taken = receive(one, archive, submitted / student / assignment, exercises, due)
        except (EntryError, OSError) as error:
            intake.faults.append(f"{student}: {error}")
            continue
        intake.counts[taken.outcome] += 1
        intake.counts["late"] += taken.late
        intake.notes += [f"{student}: {note}" for note in taken.notes]
        if taken.outcome != "older" and one.returns:
            names = {kept_name(path[-1], exercises).removesuffix(NOTEBOOK): name for path, name in one.returns.items()}
            intake.returns[student] = names
    return intake


def _owned(contents: Contents, students: list[Student], intake: Intake) -> dict[str, list[HandedIn]]:
    """Return the submissions by student, the later in the archive first; who cannot be found becomes a fault."""
    found: defaultdict[str, list[HandedIn]] = defaultdict(list)
    for one in reversed(contents.handed_in):
        student, by_name = find_student(one, students)
        if student is None:
            told = one.lms_id or ", ".join(one.ids)
            number = f" ({told})" if told else ""
            why = "the roster has nobody, or several, of that id"
            intake.faults.append(f"{one.label}{number}: {why}; autograder roster FILE adds students")
            continue
        found[student.id].append(one)
        if by_name:
            intake.notes.append(f"{one.label} is taken for {student.id} by the name alone")
    return dict(found)
