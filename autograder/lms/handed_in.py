"""What somebody handed in through a platform, whichever it is, and who in the roster that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from autograder.lms.archive import Entry
from autograder.lms.roster import Student, name_key


@dataclass(frozen=True)
class HandedIn:
    """One submission in a platform's archive.

    label: what the instructor sees on the platform, a name or a file name. lms_id: the number in it; "" where there is
    none. name_key: the name as roster.name_key writes it. ids: other ids and addresses of theirs. late: the platform
    says so. when: the time, where the platform says it. files: entries by the path that they were submitted under.
    returns: by that path, the name or folder that a feedback file needs, so that the platform takes it back.
    """

    label: str
    lms_id: str
    name_key: str
    files: Mapping[tuple[str, ...], Entry]
    returns: Mapping[tuple[str, ...], str]
    ids: tuple[str, ...] = ()
    late: bool = False
    when: datetime | None = None


@dataclass(frozen=True)
class Contents:
    """All submissions of an archive. refused: entries that belong to none, each with the reason."""

    handed_in: tuple[HandedIn, ...]
    refused: tuple[str, ...] = ()


def find_student(handed_in: HandedIn, students: list[Student]) -> tuple[Student | None, bool]:
    """Return (the student whose submission it is, whether the name alone told it); None where nobody's or several's.

    An id decides where there is one: the platform's number, then the other ids and addresses.
    """
    if handed_in.lms_id and (found := [s for s in students if s.lms_id == handed_in.lms_id]):
        return (found[0] if len(found) == 1 else None), False
    own = {each.lower() for each in handed_in.ids}
    if own and (found := [s for s in students if own & _ids(s)]):
        return (found[0] if len(found) == 1 else None), False
    keys = {handed_in.name_key} - {""}
    found = [s for s in students if keys & {name_key(s.last_name + s.first_name), name_key(s.first_name + s.last_name)}]
    return (found[0] if len(found) == 1 else None), True


def _ids(student: Student) -> set[str]:
    ids = (student.id, student.email, student.lms_id, student.sis_user_id, student.sis_login_id)
    return {each.lower() for each in ids if each}
