"""A line into a warm process of `harbour`, under each degree of isolation that there is here."""

from __future__ import annotations

import pytest

from autograder.sandbox.host.bubblewrap import BUBBLEWRAP, PROCESS, why_not
from autograder.sandbox.limits import Limits
from tests.warm import line

QUICK = Limits(cell_seconds=0.4, stall_seconds=0.4, seconds=10.0, memory_bytes=2**30, result_bytes=2**21)


@pytest.fixture(scope="module", params=[BUBBLEWRAP, PROCESS])
def degree(request):
    if request.param == BUBBLEWRAP and (reason := why_not()):
        pytest.skip(reason)
    return request.param


@pytest.fixture(scope="module")
def sandbox(harbour, harbour_references, degree):
    cases = (harbour_references.public, *harbour_references.hidden, *harbour_references.rounded)
    with line(harbour, [case.known for case in cases], QUICK, degree) as warm:
        yield warm
