"""A gradient that shares its memory with one that changes in place."""

import pytest

from autograder.sandbox.messages import ScriptCell
from autograder.submission.aliases import changed_through
from autograder.submission.notebook import Submission


def submission(*cells, own=(0,)):
    script = tuple(ScriptCell(index, source, ()) for index, source in enumerate(cells))
    return Submission(script, {}, {"dmast": own}, ())


@pytest.mark.parametrize(
    "change",
    [
        "dflat += 1",
        "dflat *= -1",
        "dflat[0] = 1",
        "dflat[0] += 1",
        "dflat.neg_()",
        "dflat.mul_(2)",
        "if True:\n    dflat -= 1",
    ],
)
def test_a_change_through_the_other_name_is_seen(change):
    assert changed_through("dmast", submission(f"dmast = dflat\n{change}")) == "dflat"
    assert changed_through("dmast", submission("dmast = dflat", change, "dmast = dmast + 1", own=(0, 2))) == "dflat"


@pytest.mark.parametrize(
    "cells",
    [
        ("dmast = dflat.clone()\ndflat += 1",),
        ("dmast = dflat\ndflat = dflat + 1",),
        ("dmast = dflat\ndmast = dmast + 1\ndflat += 1",),
        ("dmast = dflat\nother += 1",),
        ("dflat += 1\ndmast = dflat",),
        ("dmast = dflat", "dflat += 1"),
        ("%%time\ndmast = dflat", "dflat += 1"),
        ("dmast = = 1",),
    ],
)
def test_what_does_no_harm_is_not(cells):
    assert changed_through("dmast", submission(*cells)) is None
