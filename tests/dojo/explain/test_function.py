"""A function that a cell of the course runs: what has to change in it."""

from __future__ import annotations

import pytest
import torch

from autograder.dojo.explain.function import Course, reason_of_value

RUN = """\
def voyage(trim):
    sails = [start.clone(), start.clone() * 2]
    found = []
    for wind in winds:
        trim(sails, [wind, -wind], 0.1)
        found.append(sails[0].square().sum() + sails[1].sin().sum())
    return torch.stack(found)


logbook = voyage(trim)"""
RIGHT = "def trim(sails, pulls, rate):\n    for sail, pull in zip(sails, pulls):\n        sail -= rate * pull"


def courses(code: str) -> list[Course]:
    found = []
    for seed, size in ((1, 4), (2, 7)):
        source = torch.Generator().manual_seed(seed)
        winds = torch.randn((20, size), generator=source, dtype=torch.float64)
        start = torch.randn(size, generator=source, dtype=torch.float64)
        names = {"torch": torch, "winds": winds, "start": start, "n": size}
        values = []
        for text in (code, RIGHT):
            here = dict(names)
            exec(text, here)
            exec(RUN, here)
            values.append(here["logbook"])
        found.append(Course(RUN, "logbook", names, *values))
    return found


@pytest.mark.parametrize(
    ("now", "then", "says"),
    [
        ("rate * pull", "pull", "the factor `rate` is missing"),
        ("-=", "+=", "the sign is wrong"),
        ("rate * pull", "rate * pull / n", "divided by `n`"),
        ("rate * pull", "rate * pull.sign()", "`sign` does not belong there"),
        ("rate * pull", "rate * (pull + sail)", "`sail` is added"),
        ("zip(sails, pulls)", "zip(sails[1:], pulls[1:])", "`[1:]` takes only a part"),
    ],
)
def test_what_has_to_change_is_said(now, then, says):
    code = RIGHT.replace(now, then)
    explanation = reason_of_value(code, courses(code))
    assert explanation is not None
    assert says in explanation.sentence


def test_a_step_that_is_done_twice():
    code = RIGHT + RIGHT.partition("\n")[2].join(["\n", ""])
    assert "is done twice" in reason_of_value(code, courses(code)).sentence


def test_nothing_is_said_of_what_is_right_or_cannot_be_evaluated():
    assert reason_of_value(RIGHT, courses(RIGHT)) is None
    code = RIGHT.replace("rate * pull", "rate * pull * [1, 2][bool(rate)]")
    assert reason_of_value(code, courses(code)) is None
    assert reason_of_value("def trim(", courses(RIGHT)) is None
