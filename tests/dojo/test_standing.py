"""What has been compared so far, and the mark to expect."""

from __future__ import annotations

import pytest

from autograder.dojo import standing
from autograder.dojo.standing import Result, Worth, expected, keep, results_of


@pytest.fixture(autouse=True)
def _afresh():
    standing.belongs_to(object(), "")
    yield
    standing.belongs_to(None, "")


def test_the_latest_verdict_counts():
    keep("da", "wrong", "the sign is wrong")
    keep("da", "path-missing", None)
    assert results_of({"da": Worth(3.0)}) == [Result("da", "path-missing", 1.5, 3.0, None)]
    assert standing.verdict_of("da", None) == "path-missing"
    assert standing.verdict_of("db", None) is None


def test_a_verdict_is_on_one_value():
    first, second = [1], [1]
    keep("da", "wrong", None, first)
    assert standing.verdict_of("da", first) == "wrong"
    assert standing.verdict_of("da", second) is None


def test_in_the_notebooks_order_and_what_has_no_points_last():
    for name in ("own", "dc", "da"):
        keep(name, "exact", None)
    assert [result.name for result in results_of({"da": Worth(), "db": Worth(), "dc": Worth()})] == ["da", "dc", "own"]


def test_the_mark_to_expect():
    points = {"da": Worth(2.0), "db": Worth(0.5), "dc": Worth(1.0)}
    assert expected(points) == "0 of 3 steps, 0 of 3.5 points"
    keep("da", "follow-through", None)
    keep("dc", "hard-coded", None)
    keep("db", None, "not tried")
    keep("own", "exact", None)  # no step of the exercise
    assert expected(points) == "1 of 3 steps, 2.5 of 3.5 points"
    assert expected({}) == "2 of 4 steps compared so far"
    assert results_of(points)[1] == Result("db", "untried", 0.0, 0.5, "not tried")


def test_a_bonus_is_beyond_the_maximum():
    points = {"da": Worth(2.0), "db": Worth(0.0, 3.0)}
    keep("da", "exact", None)
    assert expected(points) == "1 of 2 steps, 2 of 2 points"
    keep("db", "path-missing", None)
    assert results_of(points)[1] == Result("db", "path-missing", 1.5, 0.0, None)
    assert expected(points) == "1 of 2 steps, 3.5 of 2 points, 1.5 of them as a bonus"


def test_another_forward_pass_begins_afresh():
    shell = object()
    standing.belongs_to(shell, "loss = x")
    keep("da", "exact", None)
    standing.belongs_to(shell, "loss = x")
    assert standing.verdict_of("da", None) == "exact"
    standing.belongs_to(shell, "loss = 2 * x")
    assert standing.verdict_of("da", None) is None
