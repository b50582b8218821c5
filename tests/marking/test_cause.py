"""A missing name is explained by the cell that should have defined it."""

from __future__ import annotations

from autograder.marking.cause import with_cause
from autograder.sandbox.host.received import RanCell
from autograder.sandbox.messages import ScriptCell

ERROR = "NameError: name 'helper' is not defined (line 1: dx = helper(x))"
FAILED = "ModuleNotFoundError: No module named 'seaborn' (line 1: import seaborn)"
SCRIPT = (ScriptCell(0, "import seaborn\ndef helper(x):\n    return x", ()), ScriptCell(1, "dx = helper(x)", ("dx",)))
RAN = {0: RanCell("", FAILED, False), 1: RanCell("", ERROR, False)}


def test_the_earlier_failure_is_named():
    assert with_cause(ERROR, SCRIPT, RAN) == f"{ERROR}; the cell that defines it failed first: {FAILED}"


def test_another_error_stays_as_it_is():
    assert with_cause("ValueError: no", SCRIPT, RAN) == "ValueError: no"
    assert with_cause(None, SCRIPT, RAN) is None


def test_where_nothing_failed_before_there_is_nothing_to_name():
    assert with_cause(ERROR, SCRIPT, {1: RAN[1]}) == ERROR
