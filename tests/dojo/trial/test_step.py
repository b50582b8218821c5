"""One step judged on trial cases, without a notebook: the same verdicts as marking's."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain.forward import read_lines
from autograder.dojo.trial import step as module
from autograder.dojo.trial.answer import pieces_of
from autograder.dojo.trial.cases import NoTrialError, make_cases
from autograder.dojo.trial.run import Ran
from autograder.dojo.trial.step import Question, judged
from tests.dojo.book import FORWARD, PARAMETERS, RIGHT
from tests.dojo.trial.test_cases import MARKED, SETUP

LINES = read_lines(FORWARD)
VARIABLES = {f"d{name}": name for name in MARKED}


@pytest.fixture(name="cases", scope="module")
def _cases():
    return make_cases([PARAMETERS, SETUP], LINES, MARKED)


@pytest.fixture(name="judge", scope="module")
def _judge(cases):
    names = {}
    exec(
        f"{PARAMETERS}\n{SETUP}\n{FORWARD}\nfor t in (a, top, s, e, total, p):\n    t.retain_grad()\nloss.backward()",
        names,
    )

    def judge(name, **changed):
        """The verdict on a step of the right answer with some cells changed."""
        here = dict(names)
        code = "\n".join((RIGHT | changed).values())
        with torch.no_grad():
            exec(code, here)
        pieces = pieces_of([(1, code)], VARIABLES)
        truth = names[VARIABLES[name]].grad
        question = Question(
            name, VARIABLES[name], here.get(name), truth, None, pieces, VARIABLES, frozenset(), ("ds",), LINES, FORWARD
        )
        return judged(question, cases)

    return judge


@pytest.mark.parametrize("name", list(VARIABLES))
def test_right(judge, name):
    assert judge(name).verdict in ("exact", "approximate")


@pytest.mark.parametrize(
    ("name", "changed", "verdict"),
    [
        ("dw", {"dw": "dw = x.T @ da * 2"}, "wrong"),
        ("dw", {"da": "da = -ds"}, "follow-through"),
        ("dw", {"dw": "dw = x.T @ (da.sum(0) / 8).expand(8, -1)"}, "wrong"),
        ("dw", {"dw": "dw = da.T @ x"}, "shape"),
        ("dp", {"dp": "dp = p / 20"}, "hard-coded"),
        ("de", {"de_path2": "de = de.clone()"}, "path-missing"),
        ("dtop", {"dtop": "dtop = top * 0"}, "wrong"),
        ("db", {"db": "db = None"}, "missing"),
        ("db", {"db": "db = b.grad"}, "autograd"),
        ("db", {"db": "db = da.float().sum(0)"}, "right"),
        ("db", {"db": "db = da.half().sum(0).float()"}, "wrong"),
        ("ds", {"ds": "ds = de * (s.exp() + 1e-9)"}, "wrong"),
    ],
)
def test_verdicts(judge, name, changed, verdict):
    found = judge(name, **changed).verdict
    assert found == verdict or (verdict == "right" and found in ("exact", "approximate"))


@pytest.mark.parametrize(("sign", "verdict"), [("-", "right"), ("", "wrong")])
def test_an_earlier_gradient_by_another_name(judge, sign, verdict):
    """The true dtop vanishes: only another ds shows whether it is right, and that one is called `up` here."""
    found = judge(
        "dtop", ds=f"up = {RIGHT['ds'].partition('=')[2]}\nds = up", dtop=f"dtop = {sign}up.sum(1, keepdim=True)"
    )
    assert found.verdict == verdict or (verdict == "right" and found.verdict in ("exact", "approximate"))


def test_where_replaying_takes_too_long_end_to_end_decides(judge, monkeypatch):
    monkeypatch.setattr(module, "run_taped", lambda *args: (Ran(late=True), None, {}))
    by_another_name = {"da": f"up = {RIGHT['da'].partition('=')[2]}\nda = up", "dw": "dw = x.T @ up"}
    assert judge("dw", **by_another_name).verdict in ("exact", "approximate")


def test_what_no_cell_makes_by_its_name_is_not_tried(judge):
    with pytest.raises(NoTrialError, match="no cell that was run makes db by its name"):
        judge("db", db="globals()['db'] = da.sum(0)")
