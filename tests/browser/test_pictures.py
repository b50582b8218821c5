"""The pictures on pages that know nothing of Jupyter's colours, nor say whether they are dark."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from autograder.dojo.curves import losses_html
from autograder.dojo.grids import Grid, grids_html, heat_html
from autograder.dojo.pictures import mark, strip_svg, where_svg
from tests.browser.conftest import CHROMIUM

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine; apt-get install chromium"),
]

LEAST = 3.0  # contrast of signs and lines with the page, as WCAG 2.2 asks for (1.4.11)

FAINT = """(least) => {
  const light = colour => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(c => c / 255)
      .map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const page = light(getComputedStyle(document.body).backgroundColor);
  const found = [];
  for (const each of document.body.querySelectorAll('b, div, text, path, rect, circle:not([fill="#fff"])')) {
    const style = getComputedStyle(each), drawn = each.ownerSVGElement;
    const shown = drawn ? [[style.fill, style.fillOpacity], [style.stroke, style.strokeOpacity]] : [[style.color, 1]];
    for (const [colour, opacity] of shown) {
      if (colour === 'none' || Number(opacity) < 1) continue;
      const [a, b] = [light(colour), page].sort();
      if ((b + 0.05) / (a + 0.05) < least) found.push(`${each.outerHTML.slice(0, 80)} in ${colour}`);
    }
  }
  return found;
}"""


def drawn() -> str:
    """One of each picture."""
    numbers = torch.tensor([[0.5, -0.25], [0.125, -1.0]])
    states = {"a": "right", "b": "wrong", "c": "follows", "d": "todo", "e": "later"}
    pictures = [mark(state, state) for state in states.values()]
    pictures += [where_svg(numbers.abs(), numbers > 0), heat_html("dx", numbers, "xy")]
    pictures += [strip_svg(states, "loss", [("a", "c", True), ("b", "loss", False)])]
    pictures += [grids_html([Grid("x", numbers, numbers > 0)], "2 differ"), losses_html([3.0, 2.0, 1.0, 1.5], 1)]
    return "".join(pictures)


@pytest.mark.parametrize("colours", ["background:#111;color:#ddd", "background:#fff;color:#111"], ids=["dark", "white"])
def test_what_is_drawn_can_be_told_from_the_page(browser: Any, colours: str) -> None:
    page = browser.new_page()
    page.set_content(f'<body style="{colours}">{drawn()}</body>')
    assert page.evaluate(FAINT, LEAST) == []
    page.close()
