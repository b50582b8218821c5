"""Whose name counts: the account's, but for the accounts that all students share."""

from __future__ import annotations

import pytest
from traitlets.config import Config

from autograder.course.hub import hub_student, trusts_hub


@pytest.mark.parametrize(
    ("account", "hub", "trusted", "name"),
    [
        ("ada", None, False, None),
        ("ada", "", False, None),
        ("ada", "ada", False, None),
        ("mallory", "ada", False, None),
        ("mallory", "ada", True, "ada"),
        ("jovyan", "ada", False, "ada"),
    ],
)
def test_the_name(account, hub, trusted, name):
    found, warning = hub_student(account, hub, trusted)
    assert found == name
    assert (warning is not None) == (account == "mallory" and not trusted)


def test_a_course_says_so_in_its_settings():
    assert not trusts_hub(Config())
    assert not trusts_hub(Config(HubStudent={"trust_hub_user": "yes"}))
    assert trusts_hub(Config(HubStudent={"trust_hub_user": True}))
