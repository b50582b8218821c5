"""Say why a name is missing: the cell that should have defined it failed earlier, often at its import."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from autograder.dojo.trial.code import defined_names
from autograder.sandbox.host.received import RanCell
from autograder.sandbox.messages import ScriptCell

MISSING = re.compile(r"NameError: name '(\w+)' is not defined")


def with_cause(error: str | None, script: Sequence[ScriptCell], ran: Mapping[int, RanCell]) -> str | None:
    """Return a step's error with the earlier failure that it comes from, where it comes from one.

    script: the submission's cells. ran: what each did in the notebook's own case, by cell index.
    """
    missing = MISSING.match(error or "")
    if missing is None:
        return error
    for cell in script:
        failure = ran[cell.index].error if cell.index in ran else None
        if failure is not None and failure != error and missing[1] in defined_names(cell.source):
            return f"{error}; the cell that defines it failed first: {failure}"
    return error
