"""The pictures: well-formed, small, with their text, and never by colour alone."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
import torch

from autograder.dojo.pictures import BAD, GOOD, mark, strip_svg, strip_text, where_svg, where_text

STATES = {"keel": "todo", "mast": "follows", "wave": "wrong", "foam": "right", "crest": "right"}
ARROWS = [("keel", "mast", False), ("mast", "wave", False), ("wave", "foam", True), ("wave", "crest", False)]
ARROWS += [("foam", "crest", False), ("crest", "loss", False)]


def off(shape, *places):
    wrong = torch.zeros(shape, dtype=torch.bool)
    for place in places:
        wrong[place] = True
    return wrong.double() * 0.5, wrong


def parsed(html):
    return ElementTree.fromstring(html)


def squares(html):
    return sum(path.get("d").count("M") for path in parsed(html).iter("path"))


@pytest.mark.parametrize("shape", [(1,), (7,), (1, 64), (32, 1), (32, 64), (4, 5, 6), (2, 2, 2, 2)])
def test_a_square_for_each_element_that_is_off(shape):
    difference, wrong = off(shape, (0,) * len(shape), (-1,) * len(shape))
    html = where_svg(difference, wrong)
    assert squares(html) == int(wrong.sum())
    assert "by row ↓ and column →" in html


def test_a_number_has_no_rows():
    assert where_text(torch.tensor(1.0), torch.tensor(True)) == "1 of 1 elements are off; most at []"


def test_the_largest_is_one_of_those_that_are_off():
    """A larger difference may be within the tolerance of a large number."""
    assert where_text(torch.tensor([0.5, 9.0]), torch.tensor([True, False])).endswith("most at [0]")


def test_a_large_tensor_is_drawn_in_blocks_and_stays_small():
    difference = torch.rand(1000, 3000)
    html = where_svg(difference, difference > 0.1)
    assert len(html) < 100_000
    assert "of 25 by 47 elements" in html
    assert squares(html) <= 40 * 64


def test_an_element_that_is_off_alone_is_seen_in_a_block():
    assert squares(where_svg(*off((1000, 3000), (999, 2999)))) == 1


def test_the_picture_has_its_text():
    html = where_svg(*off((3, 4), (1, 2)))
    (svg,) = parsed(html).iter("svg")
    assert svg.get("role") == "img"
    assert (
        svg.get("aria-label")
        == "|difference|: 1 of 12 elements are off in 1 of 3 rows and 1 of 4 columns; most at [1, 2]"
    )


def test_every_state_has_a_sign_of_its_own():
    html = strip_svg(STATES, "loss", ARROWS)
    signs = {text.text for text in parsed(html).iter("text")}
    assert {"✓", "✗", "↪", "·", "L", "keel", "mast", "wave (fails at foam)", "foam", "crest", "loss"} <= signs
    assert strip_text(STATES, "loss", ARROWS).splitlines() == [
        "· keel  ↪ mast  ✗ wave  ✓ foam  ✓ crest",
        "✓ 2 right, ✗ 1 wrong, ↪ 1 right for a wrong gradient, · 1 to do",
        "fails at: wave ← foam",
    ]


def test_what_is_not_compared_so_far_is_a_smaller_ring_and_counted_apart():
    html = strip_svg({"keel": "later", "mast": "todo"}, "loss", [("keel", "mast", False), ("mast", "loss", False)])
    keel, mast, _ = (int(circle.get("r")) for circle in parsed(html).iter("circle"))
    assert keel < mast
    assert "· 1 to do, ○ 1 not compared so far" in html


def test_a_path_that_fails_is_dashed_and_the_dashes_are_explained():
    assert "; dashed: where a gradient fails" in strip_svg(STATES, "loss", ARROWS)
    fine = [(source, target, False) for source, target, _ in ARROWS]
    assert "dash" not in strip_svg(STATES, "loss", fine)
    dashed = [path for path in parsed(strip_svg(STATES, "loss", ARROWS)).iter("path") if path.get("stroke-dasharray")]
    assert len(dashed) == 1


def test_names_are_text_and_no_markup():
    html = (
        where_svg(*off((2,), 0)) + mark("wrong", "<b>&") + strip_svg({"<i>": "right"}, "loss", [("<i>", "loss", False)])
    )
    assert "<i>" not in html
    assert "<b>&<" not in html


@pytest.mark.parametrize(
    "html", [mark("right", "right"), strip_svg(STATES, "loss", ARROWS), where_svg(*off((3, 4), (1, 2)))]
)
def test_lines_and_text_take_the_themes_colour(html):
    """Colours of our own are for what is right or wrong alone, by the theme's names where it has them."""
    colours = {part.get(kind) for part in parsed(html).iter() for kind in ("fill", "stroke")} - {None, "none"}
    assert all(c == "currentColor" or c.startswith("var(--jp-") for c in colours)


def contrast(colour, ground):
    """WCAG's ratio of two colours, `#rrggbb`."""

    def light(value):
        parts = [int(value[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(colour), light(ground)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", ["#ffffff", "#1e1e1e"])
@pytest.mark.parametrize("colour", [GOOD, BAD])
def test_where_a_page_has_no_colours_of_jupyters_ours_can_be_seen_on_white_and_on_dark(colour, ground):
    assert contrast(colour.partition(", ")[2].rstrip(")"), ground) >= 3


@pytest.mark.parametrize(
    "html", [strip_svg(STATES, "loss", ARROWS), where_svg(*off((32, 64), (1, 2))), where_svg(*off((900, 900), (1, 2)))]
)
def test_no_picture_shrinks_and_all_fit_into_half_a_screen(html):
    (svg,) = parsed(html).iter("svg")
    assert "max-width:none" in svg.get("style")
    assert float(svg.get("width")) <= 540
    assert {text.get("font-size") for text in svg.iter("text")} == {"12"}
