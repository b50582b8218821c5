"""The notebook gives the reason that marking gives, because it asks about trial cases and not about its own numbers."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain.forward import find_routes, read_lines
from autograder.dojo.reasons import explained
from autograder.dojo.trial.answer import pieces_of
from autograder.dojo.trial.cases import make_cases
from autograder.dojo.trial.step import Question
from tests.dojo.book import FORWARD, PARAMETERS, RIGHT
from tests.dojo.trial.test_cases import MARKED, SETUP

LINES = read_lines(FORWARD)
VARIABLES = {f"d{name}": name for name in MARKED}


@pytest.fixture(name="why", scope="module")
def _why():
    cases = make_cases([PARAMETERS, SETUP], LINES, MARKED)

    def why(name, **changed):
        """What is said of a step of the right answer with some cells changed."""
        pieces = pieces_of([(1, "\n".join((RIGHT | changed).values()))], VARIABLES)
        nothing = torch.zeros(())
        question = Question(
            name, VARIABLES[name], nothing, nothing, None, pieces, VARIABLES, frozenset(), (), LINES, FORWARD
        )
        found = explained(question, cases, find_routes(LINES, VARIABLES[name], set(MARKED)))
        return None if found is None else found.sentence

    return why


@pytest.mark.parametrize("name", list(VARIABLES))
def test_a_right_step_gets_no_sentence(why, name):
    assert why(name) is None


@pytest.mark.parametrize(
    ("name", "changed", "says"),
    [
        ("dw", {"dw": "dw = -x.T @ da"}, "the sign is wrong"),
        ("db", {"db": "db = da.mean(0)"}, "a `mean` stands where a `sum` belongs"),
        ("dw", {"dw": "scale = 2\ndw = scale * x.T @ da"}, "the factor `scale` does not belong there"),
        ("dw", {"dw": "dw = torch.zeros_like(w)\nfor i in range(len(x)):\n    dw = torch.outer(x[i], da[i])"}, "`+=`"),
        # In the notebook's own numbers, with two mistakes before it, this step's mistake is the same.
        ("dw", {"ds": "ds = 3 * dp", "da": "da = -ds", "dw": "dw = x.T @ -da"}, "the sign is wrong"),
    ],
)
def test_the_reason(why, name, changed, says):
    assert says in (why(name, **changed) or "")
