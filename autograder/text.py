"""A stranger's text, made harmless for a terminal, a file of lines and a spreadsheet."""

from __future__ import annotations


def printable(text: str) -> str:
    """Return the text with every control character but newline and tab replaced by U+FFFD.

    Control characters could move a terminal's cursor or hide what was printed before them.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def one_line(text: str) -> str:
    """Return the text as one printable line that any file can hold."""
    return "".join(c if c.isprintable() else " " if c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text)


def in_a_spreadsheet(text: str) -> str:
    """Return the text as one line; where a spreadsheet would take it for a formula, with an apostrophe in front."""
    line = one_line(text)
    return f"'{line}" if line.lstrip()[:1] in tuple("=+-@") or text[:1] in tuple("\t\r\n") else line
