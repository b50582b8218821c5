from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from autograder.table import MAX_LOST, print_class
from tests.test_results import ADA, BEN, CLASS, WRONG


def printed(*submissions, terminal=False):
    out = io.StringIO()
    console = Console(file=out, width=300, force_terminal=terminal, color_system=None)
    print_class(replace(CLASS, submissions=submissions), console)
    return out.getvalue()


def test_a_row_for_each():
    text = printed(ADA, BEN)
    assert "port: 2 submissions" in text
    (ada,) = [line for line in text.splitlines() if "ada" in line]
    (ben,) = [line for line in text.splitlines() if "ben" in line]
    for word in ("harbour", "1 / 3", "shape: dmast", "a flag"):
        assert word in ada
    assert "missing: there is no harbour.ipynb" in ben
    assert text.endswith("2 submissions in 1.9 s, isolation: process\n")


def test_many_steps_are_counted():
    few, many = (tuple(replace(WRONG, name=f"d{n}") for n in range(count)) for count in (MAX_LOST, MAX_LOST + 1))
    assert f"shape: {', '.join(step.name for step in few)}" in printed(replace(ADA, steps=few))
    assert f"shape: {MAX_LOST + 1} steps" in printed(replace(ADA, steps=many))


@pytest.mark.parametrize("terminal", [True, False])
@pytest.mark.parametrize("column", ["student", "flags", "error"])
def test_control_characters_do_nothing(column, terminal):
    evil = "\x1b[2J\x1b]0;title\x07\r\x9b1A\u202e"
    ben = replace(BEN, **{column: (evil,) if column == "flags" else evil})
    text = printed(ben, terminal=terminal)
    assert not set("\x1b\x07\r\x9b\u202e") & set(text)
    assert "\N{REPLACEMENT CHARACTER}[2J" in text


@pytest.mark.parametrize("column", ["student", "flags", "error"])
@pytest.mark.parametrize("markup", ["[red]x[/red]", "[/]", "[link=http://a]b[/link]", "[bold", r"\[red]"])
def test_markup_is_shown_as_it_is(column, markup):
    text = printed(replace(BEN, **{column: (markup,) if column == "flags" else markup}))
    assert markup in text
