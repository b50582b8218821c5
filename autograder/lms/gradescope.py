"""Gradescope's export of all submissions: a folder each, and submission_metadata.yml that says whose it is and when."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import yaml
from dateutil import parser

from autograder.course.folder import CourseError
from autograder.lms.archive import Archive, Entry, EntryError
from autograder.lms.handed_in import Contents, HandedIn
from autograder.lms.roster import name_key

METADATA = "submission_metadata.yml"


_BASE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # in C where there is one: an export may have megabytes


class _Loader(_BASE):  # type: ignore[misc]
    """Reads plain data; of a Ruby object it makes nothing."""


_Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def read_gradescope(archive: Archive) -> Contents:
    """Return the submissions of Gradescope's archive; one of a group is everybody's. Raises CourseError."""
    metadata = [entry for entry in archive.entries if entry.name == METADATA]
    if len(metadata) != 1:
        raise CourseError(f"the archive has no {METADATA}; export the submissions from the assignment in Gradescope")
    (at,) = metadata
    about = _read(archive, at)
    folders: defaultdict[str, dict[tuple[str, ...], Entry]] = defaultdict(dict)
    depth = len(at.parts)
    for entry in archive.entries:
        if len(entry.parts) > depth and entry.parts[: depth - 1] == at.parts[:-1]:
            folders[entry.parts[depth - 1]][entry.parts[depth:]] = entry
    refused = [f"{folder}: {METADATA} does not say whose it is" for folder in folders if folder not in about]
    handed_in = (_of(about[folder], folder, files) for folder, files in folders.items() if folder in about)
    return Contents(tuple(itertools.chain.from_iterable(handed_in)), tuple(refused))


def _of(about: Any, folder: str, files: dict[tuple[str, ...], Entry]) -> Iterator[HandedIn]:
    if not isinstance(about, dict):
        return
    people = about.get(":submitters")
    for person in people if isinstance(people, list) else []:
        if not isinstance(person, dict):
            continue
        name, sid, email = (_text(person.get(key)) for key in (":name", ":sid", ":email"))
        yield HandedIn(
            label=name or folder,
            lms_id="",
            name_key=name_key(name),
            files=files,
            returns={},
            ids=tuple(filter(None, (sid, email))),
            when=_time(about.get(":created_at")),
        )


def _read(archive: Archive, entry: Entry) -> dict[str, Any]:
    try:
        text = archive.read(entry).decode("utf-8", errors="replace")
        # With aliases a small file can stand for a huge one; Gradescope writes none.
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, _Loader)):
            raise yaml.YAMLError("it has an alias")
        found = yaml.load(text, _Loader)
    except (EntryError, yaml.YAMLError, RecursionError, ValueError) as error:
        said = str(error).splitlines()[0]
        raise CourseError(f"{METADATA} cannot be read ({said}); export the submissions again") from None
    if not isinstance(found, dict):
        raise CourseError(f"{METADATA} does not list submissions; export them again")
    return found


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) else ""


def _time(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)
    try:
        found = parser.parse(str(value)) if value else None
    except (ValueError, OverflowError):
        return None
    return found.astimezone(UTC).replace(tzinfo=None) if found is not None and found.tzinfo else found
