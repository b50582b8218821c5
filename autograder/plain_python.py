"""A cell's code without what only IPython understands, for those who read it and do not run it."""

from __future__ import annotations

import textwrap

RUNNING = frozenset({"%time", "%timeit", "%prun"})  # magics that run what follows them


def plain_python(source: str) -> str:
    """The cell without commands, magics and questions; what a magic runs stays.

    Not IPython's own transformer: it reads the whole cell again for each of them and gives up after 500, and a long
    line keeps it busy for minutes. This goes through the lines once.
    """
    lines = textwrap.dedent(source.lstrip("\n")).split("\n")
    if lines[0].startswith("%%"):
        del lines[0]
    return "\n".join(map(_plain_line, lines))


def _plain_line(line: str) -> str:
    code = line.lstrip()
    indent = line[: len(line) - len(code)]
    target, equals, value = code.partition("=")
    command = value.strip() if equals else ""
    if not command.startswith(("%", "!")):
        target, equals, command = "", "", code.rstrip()
    asks = command.startswith("?") or (command.endswith("?") and "#" not in command)
    if not (asks or command.startswith(("%", "!"))):
        return line
    magic, _, argument = command.partition(" ")
    runs = argument.strip() if magic in RUNNING else ""
    return f"{indent}{target}{equals} {runs or 'None'}" if target else f"{indent}{runs or 'None'}"
