"""Whether a page of JupyterLab can be read: whole words, labels of a size, nothing cut off, a text for each picture.

Asked of the browser, which has laid it out.
"""

from __future__ import annotations

from typing import Any

SMALLEST = 10  # px

FAULTS = """(smallest) => {
  const cells = [...document.querySelectorAll('.jp-Notebook .jp-Cell')];
  const found = [];
  const say = (node, what) => found.push(`cell ${cells.indexOf(node.closest('.jp-Cell'))}: ${what}`);
  const part = '.jp-Notebook :is(.jp-RenderedMarkdown, .jp-OutputArea-output)';
  for (const shown of document.querySelectorAll(part)) {
    for (const box of [shown, ...shown.querySelectorAll('mjx-container, pre, div')])
      if (box.clientWidth && box.scrollWidth > box.clientWidth + 1)
        say(shown, `${box.tagName} is ${box.scrollWidth} px wide and shows ${box.clientWidth}`);
    const end = shown.getBoundingClientRect().right;
    for (const box of shown.querySelectorAll('mjx-container, table, svg, img'))
      if (box.getBoundingClientRect().right > end + 1) say(shown, `${box.tagName} is cut off`);
    // A table is a little wider inside than it is: hidden text for screen readers. What is in it must be inside.
    for (const part of shown.querySelectorAll('table :is(td, th, mjx-container)'))
      if (part.getBoundingClientRect().right > part.closest('table').getBoundingClientRect().right + 1)
        say(shown, 'a table is cut off');
    for (const picture of shown.querySelectorAll('svg:not(mjx-container svg), img'))
      if (!(picture.getAttribute('aria-label') || picture.getAttribute('alt'))) say(shown, 'a picture has no text');
    const texts = document.createTreeWalker(shown, NodeFilter.SHOW_TEXT);
    for (let text = texts.nextNode(); text; text = texts.nextNode()) {
      const parent = text.parentElement;
      if (!text.data.trim() || parent.closest('mjx-container, title')) continue;
      const picture = parent.closest('svg');
      const matrix = picture && picture.getScreenCTM();
      const size = parseFloat(getComputedStyle(parent).fontSize) * (matrix ? Math.hypot(matrix.a, matrix.b) : 1);
      if (size < smallest) say(shown, `${text.data.trim().slice(0, 40)} is ${size.toFixed(1)} px high`);
      if (picture) continue;
      for (const word of text.data.matchAll(/\\S+/g)) {
        const range = document.createRange();
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        const lines = new Set([...range.getClientRects()].filter(r => r.width > 0).map(r => Math.round(r.top)));
        // A line may end behind a dash or a slash.
        if (lines.size > 1 && !/[-/\\u2014]/.test(word[0])) say(shown, `${word[0].slice(0, 40)} is broken in two`);
      }
    }
  }
  return found;
}"""


def faults(page: Any) -> list[str]:
    """What cannot be read in the notebook of this page; empty where all can."""
    page.wait_for_timeout(1500)  # formulas and new sizes are laid out a little later
    return [str(each) for each in page.evaluate(FAULTS, SMALLEST)]


def screens_before(page: Any, at: int, height: int) -> float:
    """How many screens of this height, in px, stand above a cell."""
    script = "at => { const c = document.querySelectorAll('.jp-Notebook .jp-Cell');"
    script += " return c[at].getBoundingClientRect().top - c[0].getBoundingClientRect().top; }"
    return float(page.evaluate(script, at)) / height
