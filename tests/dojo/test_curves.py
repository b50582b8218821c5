"""The curve of a training: well-formed, with its text, in the theme's colour, for any losses."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from autograder.dojo.curves import losses_html, losses_text

FALLING = [3.0] * 10 + [2.0] * 5 + [1.0] * 5 + [1.75] * 10 + [9.0]  # the last is in no whole window


def test_the_text_says_where_it_starts_and_ends_and_how_low_it_was():
    said = "the mean loss of every 10 steps: 3.00 at first, 1.75 at the end; the lowest is 1.50, after 20 steps"
    assert losses_text(FALLING, 10) == said


def test_the_picture_has_that_text_and_takes_the_colour_of_the_page():
    html = losses_html(FALLING, 10)
    page = ElementTree.fromstring(html)
    (picture,) = page.iter("svg")
    assert picture.get("aria-label") == losses_text(FALLING, 10)
    assert {value for each in page.iter() for key, value in each.items() if key in ("fill", "stroke")} == {
        "none",
        "currentColor",
    }
    assert [text.text for text in page.iter("text")] == ["1", "1.5", "2", "2.5", "3", "0", "8", "15", "22", "30"]


def test_the_line_is_the_mean_and_the_band_holds_most_losses():
    paths = [path.get("d") for path in ElementTree.fromstring(losses_html(FALLING, 10)).iter("path")]
    band, line = (points(path) for path in paths[-2:])
    assert [x for x, _ in line] == pytest.approx([116, 276, 436], abs=0.1)
    assert [y for _, y in line] == pytest.approx([8, 203, 170.5], abs=0.1)
    assert band == [(line[0][0], 8), (line[1][0], 268), line[2], line[2], (line[1][0], 138), (line[0][0], 8)]


def points(path):
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path)]


@pytest.mark.parametrize("losses", [[2.0] * 20, [1e-9, 3e-9] * 10, [1e30, 2e31] * 10], ids=["flat", "tiny", "huge"])
def test_any_losses_have_a_curve(losses):
    page = ElementTree.fromstring(losses_html(losses, 10))
    assert 1 <= len(list(page.iter("text"))) - 5 <= 6
    assert "nan" not in "".join(path.get("d") for path in page.iter("path"))
