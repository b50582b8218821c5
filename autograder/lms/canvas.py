"""Canvas's zip of all submissions: one flat folder, the ids in the files' names.

A name is `{sortable name, letters and digits only}[_LATE]_{user}_{file}_{the student's own name}`, as in
`doejane_LATE_12345_67890_1_manual_backprop.ipynb`. Canvas takes a zip of feedback back whose names have the same two
numbers.
"""

from __future__ import annotations

import re
from collections import defaultdict

from autograder.lms.archive import Archive, Entry
from autograder.lms.handed_in import Contents, HandedIn

NAME = re.compile(r"^(?P<who>.*?)(?P<late>_LATE)?_(?P<user>\d+)_(?P<file>\d+)_(?P<name>.+)$", re.DOTALL)
TEXT = re.compile(r"_\d+_(text|link)\.html$")
ANONYMOUS = re.compile(r"^anon_\w+?_\d+_")


def read_canvas(archive: Archive) -> Contents:
    """Return the submissions of Canvas's archive."""
    found: defaultdict[str, list[tuple[re.Match[str], Entry]]] = defaultdict(list)
    refused = []
    for entry in archive.entries:
        match = NAME.match(entry.name)
        if match is None or not match["who"]:
            refused.append(f"{entry.name}: {_why(entry.name)}")
        else:
            found[match["user"]].append((match, entry))
    return Contents(tuple(_one(user, files) for user, files in found.items()), tuple(refused))


def _one(user: str, files: list[tuple[re.Match[str], Entry]]) -> HandedIn:
    # Of two files with one name the later one stands; Canvas numbers files in the order in which they came.
    files = sorted(files, key=lambda each: int(each[0]["file"]))
    first = files[0][0]
    return HandedIn(
        label=first["who"],
        lms_id=user,
        name_key=first["who"],
        files={(match["name"],): entry for match, entry in files},
        returns={(match["name"],): f"{match['who']}{match['late'] or ''}_{user}_{match['file']}" for match, _ in files},
        late=any(match["late"] for match, _ in files),
    )


def _why(name: str) -> str:
    if TEXT.search(name):
        return "a text or a link was submitted, no file; ask for the notebook"
    if ANONYMOUS.match(name):
        return "Canvas hides who it is; switch anonymous grading off and download again"
    return "its name is not one of Canvas's; import the zip as Canvas has made it"
