"""The two kinds of graders can take each other's place."""

from __future__ import annotations

import inspect

import pytest

from autograder.classroom.cluster import ClusterGraders
from autograder.classroom.local import LocalGraders
from autograder.classroom.plan import Graders


@pytest.mark.parametrize("graders", [LocalGraders, ClusterGraders])
@pytest.mark.parametrize("method", ["begin", "grade", "close"])
def test_they_are_called_alike(graders, method):
    wanted = inspect.signature(getattr(Graders, method), eval_str=True)
    assert inspect.signature(getattr(graders, method), eval_str=True) == wanted
