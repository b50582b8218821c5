"""Make a stranger's text harmless for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text with every control character but newline and tab replaced by U+FFFD.

    Control characters could move a terminal's cursor or hide what was printed before them.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
