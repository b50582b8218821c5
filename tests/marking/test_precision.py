"""A step is marked in float32 as well where its own code fixes a precision, or stumbles over one."""

from __future__ import annotations

import pytest
import torch

from autograder.marking.precision import lowers_precision
from autograder.sandbox.host.received import RanCell, RunRecord, Value
from autograder.submission.notebook import submission_from_notebook
from autograder.submission.split import taken_apart
from tests import notebooks
from tests.notebooks import HARBOUR_ANSWERS, place, with_cells


@pytest.fixture
def lowers(harbour):
    """Whether `dflat` fixes a precision, with this code in its cell and these runs."""

    def asked(source, *runs):
        notebook = notebooks.harbour(dflat=source)
        submission = submission_from_notebook(notebook, harbour)
        return lowers_precision("dflat", submission.indices["dflat"], taken_apart(submission), runs)

    return asked


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (HARBOUR_ANSWERS["dflat"], False),
        (HARBOUR_ANSWERS["dflat"] + ".float()", True),
        ("dflat = (dswell * swell).to(torch.float32)", True),
        ("dflat = dswell * swell.double()", False),
        ("globals().update(dflat=(dswell * swell).float())", True),
    ],
)
def test_by_its_code(lowers, source, expected):
    assert lowers(source) is expected


def test_by_all_code_where_none_can_be_seen_to_make_it(harbour):
    code = "found['dflat'] = (dswell * swell).float()"
    for source, low in ((code, True), (code.replace(".float()", ""), False)):
        submission = submission_from_notebook(
            with_cells("dflat", f"found = {{}}\n{source}", of=notebooks.harbour(dflat="")), harbour
        )
        assert lowers_precision("dflat", submission.indices["dflat"], taken_apart(submission), ()) is low


def test_by_its_value(lowers):
    def held(dtype):
        return RunRecord({"dflat": Value("tensor", torch.ones(2, dtype=dtype))})

    assert not lowers(HARBOUR_ANSWERS["dflat"], RunRecord(), held(torch.float64))
    assert lowers(HARBOUR_ANSWERS["dflat"], held(torch.float64), held(torch.float32))


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ("RuntimeError: expected m1 and m2 to have the same dtype, but got: float != double", True),
        ("RuntimeError: expected scalar type Float but found Double", True),
        ("NameError: name 'doubt' is not defined", False),
        (None, False),
    ],
)
def test_by_its_error(lowers, error, expected):
    cell = place(notebooks.harbour(), "dflat")
    assert lowers(HARBOUR_ANSWERS["dflat"], RunRecord(cells={cell: RanCell("", error, False)})) is expected
    assert not lowers(HARBOUR_ANSWERS["dflat"], RunRecord(cells={cell + 1: RanCell("", error, False)}))
