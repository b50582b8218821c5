"""Archives as the platforms make them, and as nobody should."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

CANVAS_GRADES = (
    '"Student","ID","SIS User ID","SIS Login ID","Section","port (4711)","Current Score","Final Score"\n'
    '"","","","","","Manual Posting","",""\n'
    '"    Points Possible","","","","","8.00","(read only)","(read only)"\n'
    '"Sample, Ada","101","u-1","ada","Section 1","","",""\n'
    '"O\'Neil-Müller, Ben","102","u-2","ben","Section 1","","",""\n'
    '"Sample, Cleo","103","","","Section 2","","",""\n'
    '"Student, Test","999","","c0ffee","Section 1","","",""\n'
)
WORKSHEET = (
    "Identifier,Full name,Email address,Status,Grade,Maximum grade,Grade can be changed,"
    "Last modified (submission),Last modified (grade),Feedback comments\n"
    "Participant 501,Ada Sample,ada@example.org,Submitted for grading,,8.00,Yes,"
    '"Thursday, 31 January 2030, 11:58 AM",-,\n'
    "Participant 502,Ben Sample,ben@example.org,Submitted for grading - 2 hours late,,8.00,Yes,"
    '"Friday, 1 February 2030, 1:30 AM",-,\n'
    "Participant 503,Cleo Sample,cleo@example.org,No submission,,8.00,Yes,-,-,\n"
)
GRADESCOPE = """\
submission_7001:
  :submitters:
  - :name: Ada Sample
    :sid: '101'
    :email: ada@example.org
  :created_at: 2030-01-31 10:00:00.000000000 Z
  :score: 7.0
  :status: processed
  :results: !ruby/object:Result
    tests: []
submission_7002:
  :submitters:
  - :name: Ben Sample
    :sid: u-2
    :email: BEN@example.org
  - :name: Cleo Sample
    :sid:
    :email: cleo@example.org
  :created_at: 2030-02-01 03:00:00.000000000 +02:00
"""


def zipped(path: Path, files: dict[str, str | bytes]) -> Path:
    """A zip of these files."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def packed(files: dict[str, str | bytes]) -> bytes:
    """The bytes of a zip, as a student hands one in."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def with_link(path: Path, name: str, target: str) -> Path:
    """Add a symbolic link to a zip, as `zip -y` does."""
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(info, target)
    return path
