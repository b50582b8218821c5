"""Whose a submission is: ids decide, names only where nothing else tells."""

from __future__ import annotations

import pytest

from autograder.lms.handed_in import HandedIn, find_student
from autograder.lms.roster import Student

ADA = Student("ada", "Sample", "Ada", "ada@example.org", "101", "u-1", "ada")
BEN = Student("ben", "Sample", "Ben", "", "102")
TWIN = Student("ben2", "Sample", "Ben", "", "103")
ONE_ID = Student("dora", "Else", "Dora", "", "101")


def handed_in(lms_id="", name="", ids=()):
    return HandedIn("label", lms_id, name, {}, {}, ids=ids)


@pytest.mark.parametrize(
    ("given", "found", "by_name"),
    [
        (handed_in("101"), ADA, False),
        (handed_in("101", "sampleben"), ADA, False),
        (handed_in(ids=("ADA@example.org",)), ADA, False),
        (handed_in(ids=("u-1",)), ADA, False),
        (handed_in("999", "sampleada"), ADA, True),
        (handed_in("999", "adasample"), ADA, True),
        (handed_in("999", "sampleben"), None, True),
        (handed_in("999", "nobody"), None, True),
        (handed_in(), None, True),
    ],
)
def test_who_it_is(given, found, by_name):
    assert find_student(given, [ADA, BEN, TWIN]) == (found, by_name)


def test_an_id_that_two_have_is_nobodys():
    assert find_student(handed_in("101", "sampleada"), [ADA, ONE_ID]) == (None, False)
