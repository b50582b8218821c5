"""Draw small tensors as grids of numbers, and larger ones as maps of squares; each with its text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import zip_longest

import torch

from .pictures import BAD, TEXT, as_table, show, svg, svg_text

WIDE, HIGH = 46, 22  # of one number
SQUARE = 16  # of a map
COLD = "#4c8dff"  # below zero in a map, with a dot in it: nothing is said by colour alone


@dataclass(frozen=True)
class Grid:
    """A small tensor with its name. wrong: a bool tensor of its shape, the elements to mark."""

    name: str
    values: torch.Tensor
    wrong: torch.Tensor | None = None

    @property
    def rows(self) -> list[list[str]]:
        """The numbers as they are written; a mark behind those that are wrong."""
        table = as_table(self.values).tolist()
        wrong = [[False] * len(row) for row in table] if self.wrong is None else as_table(self.wrong).tolist()
        pairs = [zip(row, marks, strict=True) for row, marks in zip(table, wrong, strict=True)]
        return [[f"{number:.3g}{'✗' if bad else ''}" for number, bad in row] for row in pairs]


def show_grids(grids: Sequence[Grid], words: str) -> None:
    """Display or print grids beside each other, and a line below them."""
    show(lambda: grids_html(grids, words), lambda: grids_text(grids, words), prefix="")


def grids_text(grids: Sequence[Grid], words: str) -> str:
    """Return the grids as columns of text, and the line below them."""
    blocks = []
    for grid in grids:
        width = max(len(cell) for row in grid.rows for cell in row)
        lines = [grid.name, *("  ".join(cell.rjust(width) for cell in row) for row in grid.rows)]
        widest = max(map(len, lines))
        blocks.append([line.ljust(widest) for line in lines])
    empty = [" " * len(block[0]) for block in blocks]
    rows = zip_longest(*blocks)
    lines = ["    ".join(cell or empty[i] for i, cell in enumerate(row)).rstrip() for row in rows]
    return "\n".join([*lines, words])


def grids_html(grids: Sequence[Grid], words: str) -> str:
    """Return the grids as an HTML picture; they go over several lines where the page is narrow."""
    box = "display:inline-block;vertical-align:top;margin:0 20px 6px 0"
    drawn = [f'<div style="{box}">{escape(grid.name)}{_grid(grid)}</div>' for grid in grids]
    return f'<div style="{TEXT}">{"".join(drawn)}<div>{escape(words)}</div></div>'


def _grid(grid: Grid) -> str:
    rows = grid.rows
    width, height = WIDE * len(rows[0]), HIGH * len(rows)
    parts = [f'<rect x="1" y="1" width="{width}" height="{height}" fill="none" stroke="currentColor"/>']
    for i, row in enumerate(rows):
        for j, cell in enumerate(row):
            x, y = 1 + j * WIDE, 1 + i * HIGH
            bad = cell.endswith("✗")
            if bad:
                parts.append(
                    f'<rect x="{x + 2}" y="{y + 2}" width="{WIDE - 4}" height="{HIGH - 4}" fill="none" '
                    f'stroke="{BAD}" stroke-width="2" stroke-dasharray="4 2"/>'
                )
            parts.append(svg_text(x + WIDE / 2, y + 15, cell, "middle", BAD if bad else "currentColor"))
    said = "; ".join(" ".join(row) for row in rows)
    return svg(width + 2, height + 2, "".join(parts), f"{grid.name}: {said}")


def show_map(name: str, values: torch.Tensor, columns: Sequence[str] = ()) -> None:
    """Display a matrix as a map: a square for each element, larger the further from zero, with a dot below zero.

    columns: what stands below each column. Outside Jupyter it prints where the largest and the smallest element are.
    """
    table = as_table(values.detach()).to(torch.float64)
    show(lambda: heat_html(name, table, columns), lambda: heat_text(name, table), prefix="")


def heat_text(name: str, table: torch.Tensor) -> str:
    """Return the map in one line: how many elements are above and below zero, and where the extremes are."""
    above, below = int((table > 0).sum()), int((table < 0).sum())
    ends = []
    for word, value in (("largest", table.max()), ("smallest", table.min())):
        ends.append(f"the {word} is {value.item():.3g} at {(table == value).nonzero()[0].tolist()}")
    return f"{name}: {above} elements above zero, {below} below; {ends[0]}, {ends[1]}"


def heat_html(name: str, table: torch.Tensor, columns: Sequence[str]) -> str:
    """Return the map as an HTML picture. table: a matrix."""
    most = float(table.abs().max()) or 1.0
    left, parts = 28, []
    for i, row in enumerate(table.tolist()):
        parts += [svg_text(left - 6, i * SQUARE + 13, str(i), "end")] if i % 5 == 0 else []
        for j, value in enumerate(row):
            side = (SQUARE - 2) * (abs(value) / most) ** 0.5
            x, y = left + (j + 0.5) * SQUARE, (i + 0.5) * SQUARE
            colour = COLD if value < 0 else BAD
            parts.append(
                f'<rect x="{x - side / 2:.1f}" y="{y - side / 2:.1f}" width="{side:.1f}" height="{side:.1f}" '
                f'fill="{colour}"/>'
            )
            if value < 0 and side > 4:  # a dot that leaves a ring of the square
                parts.append(f'<circle cx="{x:g}" cy="{y:g}" r="{min(2, side / 5):.1f}" fill="#fff"/>')
    width, height = left + SQUARE * table.shape[1], SQUARE * table.shape[0]
    parts += [svg_text(left + (j + 0.5) * SQUARE, height + 14, escape(c), "middle") for j, c in enumerate(columns)]
    text = heat_text(name, table)
    picture = svg(width + 4, height + 18, "".join(parts), text)
    caption = f"{name}: red is above zero, blue with a dot below; the larger the square, the further from zero"
    return f'<div style="{TEXT};overflow-x:auto">{escape(caption)}{picture}</div>'
