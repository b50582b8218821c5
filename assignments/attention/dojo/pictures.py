"""Pictures for Jupyter, drawn as SVG: where a gradient is wrong, and how many steps are right.

Nothing is said by colour alone, lines and text take the theme's colour, and every picture has its text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape

import torch

ROWS, COLUMNS, CELL = 40, 64, 8  # a larger tensor is drawn in blocks; 64 columns fit into half a laptop's screen
# Where a page has no colours of Jupyter's: these can be read on white and on black. Nothing is filled with the page's
# colour, which a dark page need not tell.
BAD = "var(--jp-error-color1, #e5484d)"
GOOD = "var(--jp-success-color1, #2f9e44)"
STEP, SIDE, RING = 20, 64, 7  # of the strip: from one tensor to the next, room for the arcs, radius of a ring
SIGNS = {"right": "✓", "wrong": "✗", "follows": "↪", "todo": "·", "later": "○"}
WORDS = {
    "right": "right",
    "wrong": "wrong",
    "follows": "right for a wrong gradient",
    "todo": "to do",
    "later": "not compared so far",
}
TEXT = "padding-left:8px;font-family:var(--jp-ui-font-family, sans-serif);font-size:12px"


def show_verdict(state: str, note: str) -> None:
    """Display or print the sign of a state with its words, and a note behind them."""
    words = "; ".join(part for part in (WORDS[state], note) if part)
    show(lambda: mark(state, words), lambda: f"{SIGNS[state]} {words}", prefix=f"{'':15s} | ")


def show_where(difference: torch.Tensor, wrong: torch.Tensor) -> None:
    """Display or print at which elements a gradient is off. The arguments are those of where_text."""
    show(lambda: where_svg(difference, wrong), lambda: where_text(difference, wrong), prefix=f"{'':15s} | ")


def show_strip(states: Mapping[str, str], loss: str, arrows: Sequence[tuple[str, str, bool]]) -> None:
    """Display or print all steps along the forward pass. The arguments are those of strip_text."""
    show(lambda: strip_svg(states, loss, arrows), lambda: strip_text(states, loss, arrows), prefix="")


def show(picture: Callable[[], str], text: Callable[[], str], prefix: str) -> None:
    """Display a picture in Jupyter; elsewhere print its text behind the prefix."""
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ImportError:
        return
    shell = get_ipython()
    if shell is not None and shell.has_trait("kernel"):
        display({"text/html": picture(), "text/plain": text()}, raw=True)
    else:
        print(prefix + text())


def as_table(values: torch.Tensor) -> torch.Tensor:
    """Return the values as a matrix: the last axis gives the columns, all others the rows; a vector is one row."""
    return values.reshape(-1, values.shape[-1]) if values.dim() else values.reshape(1, 1)


def where_text(difference: torch.Tensor, wrong: torch.Tensor) -> str:
    """Return one line on where two tensors differ.

    difference: the absolute difference, of any shape. wrong: a bool tensor of that shape, the elements that count.
    """
    table = as_table(wrong)
    # Not torch.unravel_index, which imports sympy: half a second.
    if not wrong.any():
        return "no element is off by much"
    failing = difference * wrong
    most = (failing == failing.max()).nonzero()[0].tolist()
    count, rows, columns = int(wrong.sum()), int(table.any(1).sum()), int(table.any(0).sum())
    parts = [f"{count} of {wrong.numel()} elements are off"]
    if table.shape[0] > 1:
        parts.append(f"in {rows} of {table.shape[0]} rows and {columns} of {table.shape[1]} columns")
    return f"{' '.join(parts)}; most at {most}"


def where_svg(difference: torch.Tensor, wrong: torch.Tensor) -> str:
    """Return an HTML picture of where two tensors differ: a square for each wrong element, larger the further off.

    The arguments are those of where_text. A tensor larger than ROWS by COLUMNS is drawn in blocks, by their maximum.
    """
    table = as_table(difference * wrong).to(torch.float64)
    block = -(-table.shape[0] // ROWS), -(-table.shape[1] // COLUMNS)
    blocks = torch.nn.functional.max_pool2d(table[None], block, ceil_mode=True)[0]
    shape = tuple(blocks.shape)
    largest = float(blocks.max()) or 1.0
    path = []
    for i, row in enumerate((blocks / largest).sqrt().tolist()):
        for j, size in enumerate(row):
            if size:
                side = max(2.0, (CELL - 1) * size)
                start = (CELL - side) / 2
                path.append(f"M{j * CELL + start:.3g} {i * CELL + start:.3g}h{side:.2g}v{side:.2g}h-{side:.2g}z")
    height, width = shape[0] * CELL, shape[1] * CELL
    last_row, last_column = table.shape[0] - 1, table.shape[1] - 1
    left, text = 8 + 8 * len(str(last_row)), where_text(difference, wrong)
    marks = [svg_text(left - 4, 9, "0", "end")] + (
        [svg_text(left - 4, height, str(last_row), "end")] if last_row else []
    )
    marks += [svg_text(left + 4, height + 14, "0", "middle")]
    marks += [svg_text(left + width - 4, height + 14, str(last_column), "middle")] if last_column else []
    frame = f'<rect width="{width}" height="{height}" fill="none" stroke="currentColor" stroke-opacity=".4"/>'
    squares = f'<path d="{"".join(path)}" fill="{BAD}"/>'
    body = f'<g transform="translate({left} 1)">{frame}{squares}</g>{"".join(marks)}'
    picture = svg(left + width + 4, height + 18, body, f"|difference|: {text}")
    caption = "|difference| by row ↓ and column →, the larger the square, the further off"
    if block != (1, 1):
        caption += f"; a square is the largest of {block[0]} by {block[1]} elements"
    return f'<div style="{TEXT};overflow-x:auto">{caption}{picture}{escape(text)}</div>'


def mark(state: str, words: str) -> str:
    """Return one HTML line: the sign of a state, and the words."""
    colour = GOOD if state == "right" else BAD
    return f'<div style="{TEXT}"><b style="color:{colour}">{SIGNS[state]}</b> {escape(words)}</div>'


def strip_text(states: Mapping[str, str], loss: str, arrows: Sequence[tuple[str, str, bool]]) -> str:
    """Return all steps as text, with a line of counts and, where a gradient fails, a line of the routes.

    states: "right", "wrong", "follows", "todo" or "later" by tensor, in forward order. arrows: (tensor, target,
    whether the gradient fails there). loss: the name of the last target.
    """
    signs = "  ".join(f"{SIGNS[state]} {name}" for name, state in states.items())
    fails = [f"{source} ← {target}" for source, target, failing in arrows if failing]
    return "\n".join([signs, summary(states), *(["fails at: " + ", ".join(fails)] if fails else [])])


def summary(states: Mapping[str, str]) -> str:
    """Return how many steps are in each state, as one line. The counts of right and to do are always there."""
    kinds = {state: sum(s == state for s in states.values()) for state in SIGNS}
    return ", ".join(f"{SIGNS[s]} {count} {WORDS[s]}" for s, count in kinds.items() if count or s in ("right", "todo"))


def strip_svg(states: Mapping[str, str], loss: str, arrows: Sequence[tuple[str, str, bool]]) -> str:
    """Return all steps as an HTML picture, from the top down, whose arcs run from a tensor to its targets.

    The arguments are those of strip_text. A failing arc is dashed and has a cross, and its target stands behind the
    name of the tensor.
    """
    x = SIDE + 12
    at = {name: 12 + i * STEP for i, name in enumerate([*states, loss])}
    longest = max((abs(at[target] - at[source]) for source, target, _ in arrows), default=STEP)
    drawn = []
    for source, target, failing in sorted(arrows, key=lambda arrow: arrow[2]):
        y, end = at[source], at[target]
        look = (
            f'stroke="{BAD}" stroke-width="2.4" stroke-dasharray="5 3"'
            if failing
            else 'stroke="currentColor" stroke-opacity=".45"'
        )
        if end - y == STEP:  # the next one: from ring to ring
            out = 0.0
            drawn.append(f'<path d="M{x} {y + RING}V{end - RING}" fill="none" {look}/>')
        else:
            out = 14 + (SIDE - 18) * (end - y) / longest
            left, start = x - RING - out * 1.33, x - RING
            drawn.append(f'<path d="M{start} {y}C{left:.0f} {y} {left:.0f} {end} {start} {end}" fill="none" {look}/>')
        if failing:
            drawn.append(svg_text(x - 11 - out, (y + end) / 2 + 4, SIGNS["wrong"], "end", BAD))
    labels = {name: name for name in at}
    for name in labels:
        fails = [target for source, target, failing in arrows if failing and source == name]
        labels[name] += f" (fails at {', '.join(fails)})" if fails else ""
    for name, y in at.items():
        state = states.get(name, "right")
        colour = "currentColor"
        if name != loss:
            colour = {"right": GOOD, "wrong": BAD, "follows": BAD}.get(state, colour)
        width = 2.6 if state == "wrong" else 1.3
        # What nobody has asked for is a small ring: its own sign.
        radius, sign = (4, "") if state == "later" else (RING, SIGNS[state] if name in states else "L")
        drawn.append(
            f"<g><title>{escape(name)}: {WORDS[state] if name in states else 'the loss'}</title>"
            f'<circle cx="{x}" cy="{y}" r="{radius}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
            f"{svg_text(x, y + 4, sign, 'middle', colour)}{svg_text(x + 16, y + 4, escape(labels[name]), 'start')}</g>"
        )
    wide = x + 24 + 8 * max(map(len, labels.values()))
    picture = svg(wide, max(at.values()) + 12, "".join(drawn), strip_text(states, loss, arrows))
    caption = summary(states) + ("; dashed: where a gradient fails" if any(arrow[2] for arrow in arrows) else "")
    return f'<div style="{TEXT};overflow-x:auto">{escape(caption)}{picture}</div>'


def svg_text(x: float, y: float, words: str, anchor: str, colour: str = "currentColor") -> str:
    """Return text in a picture. words: as markup. anchor: "start", "middle" or "end", where x is."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" fill="{colour}" font-size="12">{words}</text>'


def svg(width: float, height: float, body: str, title: str) -> str:
    """Return a picture in its own size: one that shrinks with the page takes its labels along."""
    size = f'width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}"'
    label = escape(title, quote=True)
    return f'<svg role="img" aria-label="{label}" {size} style="display:block;max-width:none">{body}</svg>'
