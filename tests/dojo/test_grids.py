"""Grids of numbers and maps of squares: well-formed, with their text, and never by colour alone."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import torch

from autograder.dojo.grids import Grid, grids_html, grids_text, heat_html, heat_text

MINE = Grid("yours", torch.tensor([[0.0, -1 / 3], [2.0, 1e-7]]), torch.tensor([[False, True], [False, False]]))


def test_every_number_is_there_and_what_is_wrong_has_a_sign():
    html = grids_html([Grid("<x>", torch.arange(3)), MINE], "✗ 1 of 4 differ")
    page = ElementTree.fromstring(html)
    texts = [text.text for text in page.iter("text")]
    assert texts == ["0", "1", "2", "0", "-0.333✗", "2", "1e-07"]
    assert [svg.get("aria-label") for svg in page.iter("svg")] == ["<x>: 0 1 2", "yours: 0 -0.333✗; 2 1e-07"]
    assert len([rect for rect in page.iter("rect") if rect.get("stroke-dasharray")]) == 1


def test_the_text_says_the_same_side_by_side():
    assert grids_text([Grid("x", torch.tensor([1, 2])), MINE], "✗ 1 of 4 differ").splitlines() == [
        "x       yours",
        "1  2          0  -0.333✗",
        "              2    1e-07",
        "✗ 1 of 4 differ",
    ]


def test_a_map_tells_below_zero_by_a_dot_too():
    table = torch.tensor([[0.5, -0.25], [0.125, -1.0]])
    page = ElementTree.fromstring(heat_html("dx", table, ["a", "<b>"]))
    assert len(list(page.iter("rect"))) == 4
    assert len(list(page.iter("circle"))) == 2
    assert [text.text for text in page.iter("text")] == ["0", "a", "<b>"]
    said = "dx: 2 elements above zero, 2 below; the largest is 0.5 at [0, 0], the smallest is -1 at [1, 1]"
    assert heat_text("dx", table) == said
    assert [svg.get("aria-label") for svg in page.iter("svg")] == [said]
