"""Print sentences so that no line breaks inside a word."""

from __future__ import annotations

import textwrap

WIDTH = 68  # characters in a printed line: in half a screen Jupyter breaks a longer one in the middle of a word


def print_wrapped(sentence: str, first: str, rest: str) -> None:
    """Print a sentence in lines of WIDTH. first and rest: how the first line and all later ones begin."""
    print(textwrap.fill(sentence, WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False))
