"""Moodle's zip of all submissions: a folder each, with the participant's number in its name.

A folder is `{full name}_{participant}_assignsubmission_file`, with `_` at the end before Moodle 4.1; without folders,
the same stands in front of each file's name. Moodle takes a zip of feedback back whose folders have these names. The
number is another one for each assignment; its grading worksheet tells whose it is, and when they submitted.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime

from dateutil import parser

from autograder.course.folder import CourseError
from autograder.lms.archive import Archive, Entry
from autograder.lms.handed_in import Contents, HandedIn
from autograder.lms.roster import PARTICIPANT, name_key
from autograder.lms.sheet import Sheet

FOLDER = re.compile(
    r"^(?P<own>(?P<who>[^_]*)_(?P<number>\d+)_assignsubmission_(?P<kind>[a-z]+)_?)(?P<rest>.*)$", re.DOTALL
)
SUBMITTED = "Last modified (submission)"
STATUS = "Status"


def read_moodle(archive: Archive, worksheet: Sheet | None = None) -> Contents:
    """Return the submissions of Moodle's archive.

    worksheet: the assignment's grading worksheet, with addresses, ids and times. Raises CourseError where it is none.
    """
    rows = {} if worksheet is None else _rows(worksheet)
    found: defaultdict[str, list[tuple[re.Match[str], tuple[str, ...], Entry]]] = defaultdict(list)
    refused = []
    for entry in archive.entries:
        at, match = next(((i, m) for i, part in enumerate(entry.parts) if (m := FOLDER.match(part))), (0, None))
        path = () if match is None else tuple(filter(None, (match["rest"], *entry.parts[at + 1 :])))
        if match is None or not path:
            refused.append(f"{'/'.join(entry.parts)}: it lies in no folder of Moodle's; import the zip as it came")
        elif match["kind"] != "file":
            refused.append(f"{match['who']} ({match['number']}): a text was submitted, no file; ask for the notebook")
        else:
            found[match["number"]].append((match, path, entry))
    handed_in = (_one(number, files, rows.get(number, {})) for number, files in found.items())
    return Contents(tuple(handed_in), tuple(refused))


def _one(number: str, files: list[tuple[re.Match[str], tuple[str, ...], Entry]], row: Mapping[str, str]) -> HandedIn:
    who = row.get("Full name") or files[0][0]["who"]
    own = tuple(filter(None, (row.get(column, "") for column in ("Username", "ID number", "Email address"))))
    return HandedIn(
        label=who,
        lms_id=number,
        name_key=name_key(who),
        files={path: entry for _, path, entry in files},
        returns={path: match["own"] for match, path, _ in files},
        ids=own,
        late=" late" in row.get(STATUS, ""),
        when=_time(row.get(SUBMITTED, "")),
    )


def _rows(worksheet: Sheet) -> dict[str, dict[str, str]]:
    if PARTICIPANT not in worksheet.header:
        raise CourseError(
            f"the worksheet has no column {PARTICIPANT}; download the grading worksheet from the assignment in Moodle"
        )
    return {"".join(re.findall(r"\d+", row.get(PARTICIPANT, ""))[-1:]): row for _, row in worksheet.rows}


def _time(text: str) -> datetime | None:
    """Return a time such as "Thursday, 31 January 2030, 11:59 PM", which is in this machine's zone, in UTC."""
    try:
        return parser.parse(text).astimezone(UTC).replace(tzinfo=None) if text.strip("- ") else None
    except (ValueError, OverflowError):
        return None
