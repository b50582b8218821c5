"""Typeset formulas as MathML, which browsers show without a script, a network or a font of ours.

A formula is a stranger's text. The converter escapes what it takes over and knows no links; what it makes is checked
against a closed list all the same, and a formula that it cannot typeset is shown as it is written.
"""

from __future__ import annotations

import re
from html import escape

from math_core import LatexError, LatexToMathML

MAX_FORMULA = 2_000  # characters; the longest of the exercises has 300
MAX_OPEN = 300  # braces opened in one formula: the converter calls itself for each, and 6,000 overflow its stack
MAX_MADE = 2**20  # characters of MathML in a page; a formula of n characters can make 70 n

ELEMENTS = (
    "math|mrow|mi|mn|mo|ms|mtext|mspace|mfrac|msqrt|mroot|msub|msup|msubsup|munder|mover|munderover|mmultiscripts"
    "|mprescripts|mtable|mtr|mtd|mstyle|mpadded|mphantom"
)
ATTRIBUTES = (
    "accent|accentunder|class|columnspan|depth|display|displaystyle|form|height|largeop|linethickness|lspace|mathvariant"
    "|maxsize|minsize|movablelimits|rowspan|rspace|scriptlevel|separator|stretchy|style|symmetric|voffset|width"
)
# Not possessive (*+): Python before 3.11.5 then takes a half of an item, such as "<mi".
INERT = re.compile(rf'(?:[^<>]|</(?:{ELEMENTS})>|<(?:{ELEMENTS})(?: (?:{ATTRIBUTES})="[\w .,:;%#-]*")*/?>)*')
WRITTEN = re.compile(r"\$\$([^$]+)\$\$|\$([^$]+)\$")  # the formulas in an output of type text/latex


class Formulas:
    """Typesets the formulas of one page."""

    def __init__(self) -> None:
        self._converter = LatexToMathML(max_expansions=0, fancy_error=False)
        self._left = MAX_MADE

    def typeset(self, latex: str, display: bool) -> str:
        """Return a formula as HTML. latex: without its delimiters. display: on a line of its own."""
        made = self._mathml(latex, display)
        if made is None:
            mark = "$$" if display else "$"
            return f"<code>{escape(f'{mark}{latex}{mark}')}</code>"
        self._left -= len(made)
        return made

    def typeset_all(self, text: str) -> str:
        """Return a text with formulas between dollars as HTML."""
        parts, at = [], 0
        for found in WRITTEN.finditer(text):
            parts += [escape(text[at : found.start()]), self.typeset(found[1] or found[2], found[1] is not None)]
            at = found.end()
        return "".join([*parts, escape(text[at:])])

    def _mathml(self, latex: str, display: bool) -> str | None:
        if len(latex) > MAX_FORMULA or latex.count("{") > MAX_OPEN:
            return None
        try:
            made = self._converter.convert_with_local_state(latex, displaystyle=display)
        except LatexError:
            return None
        return made if len(made) <= self._left and INERT.fullmatch(made) else None
