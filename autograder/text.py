"""A stranger's text, made harmless for a terminal."""

from __future__ import annotations


def printable(text: str) -> str:
    """The text without control characters: they could move a terminal's cursor or hide what was printed."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
