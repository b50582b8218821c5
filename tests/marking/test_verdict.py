"""What the verdicts earn, and that asking costs nothing."""

from __future__ import annotations

import subprocess
import sys
from typing import get_args

from autograder.dojo import judge
from autograder.marking.verdict import CREDIT, Verdict


def test_the_credit_of_the_design():
    full = {"exact", "approximate", "follow-through"}
    half = {"path-missing", "hard-coded"}
    assert {v.value: CREDIT.get(v, 0.0) for v in Verdict} == {
        v.value: 1.0 if v in full else 0.5 if v in half else 0.0 for v in Verdict
    }


def test_only_verdicts_earn_anything():
    assert set(CREDIT) <= set(Verdict)


def test_the_words_can_be_had_without_torch():
    """The command line and nbgrader's configuration need them at once."""
    code = "import sys, autograder.marking.verdict\nprint('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_the_notebook_has_the_same_words_and_credit():
    """Written down twice, because the words must be had without torch and the rule by students."""
    assert set(get_args(judge.Verdict)) == set(Verdict)
    assert judge.CREDIT == CREDIT
