"""Draw how the loss falls during a training, as SVG, with its text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import torch

from .pictures import TEXT, show, svg, svg_text

WIDE, HIGH, LEFT, TOP = 480, 260, 36, 8  # of the plot, in px, and what stands left of it and above
INNER = 0.1  # the band leaves out this share of the losses at either end
GRID = 6  # as many lines across, at most


def show_losses(losses: Sequence[float], window: int) -> None:
    """Display the mean of every `window` losses as a line, in the band that holds most of them; or print the text."""
    show(lambda: losses_html(losses, window), lambda: losses_text(losses, window), prefix="")


def losses_text(losses: Sequence[float], window: int) -> str:
    """Return the curve in one line. losses: at least `window` of them."""
    _, mean, _ = _bands(losses, window)
    lowest = int(mean.argmin())
    return (
        f"the mean loss of every {window:,} steps: {mean[0]:.2f} at first, {mean[-1]:.2f} at the end; "
        f"the lowest is {mean[lowest]:.2f}, after {(lowest + 1) * window:,} steps"
    )


def losses_html(losses: Sequence[float], window: int) -> str:
    """Return the curve as an HTML picture. losses: at least `window` of them."""
    low, mean, high = _bands(losses, window)
    least, most = float(low.min()), float(high.max())
    span = most - least or 1.0
    apart, steps = _between(span), len(mean) * window

    def at(step: float, loss: float) -> str:
        return f"{LEFT + WIDE * step / steps:.1f} {TOP + HIGH * (most - loss) / span:.1f}"

    def path(values: torch.Tensor, backwards: bool = False) -> str:
        points = [at((i + 0.5) * window, value) for i, value in enumerate(values.tolist())]
        return "L".join(reversed(points) if backwards else points)

    parts = [
        f'<rect x="{LEFT}" y="{TOP}" width="{WIDE}" height="{HIGH}" fill="none" stroke="currentColor" '
        f'stroke-opacity=".4"/>'
    ]
    for number in range(math.ceil(least / apart), math.floor(most / apart) + 1):
        y = float(at(0, number * apart).split()[1])
        parts.append(f'<path d="M{LEFT} {y}h{WIDE}" fill="none" stroke="currentColor" stroke-opacity=".15"/>')
        parts.append(svg_text(LEFT - 6, y + 4, f"{number * apart:.3g}", "end"))
    for quarter, anchor in ((0.0, "start"), (0.25, "middle"), (0.5, "middle"), (0.75, "middle"), (1.0, "end")):
        parts.append(svg_text(LEFT + WIDE * quarter, TOP + HIGH + 16, f"{steps * quarter:,.0f}", anchor))
    parts.append(f'<path d="M{path(low)}L{path(high, True)}Z" fill="currentColor" fill-opacity=".18"/>')
    parts.append(f'<path d="M{path(mean)}" fill="none" stroke="currentColor" stroke-width="2"/>')
    text = losses_text(losses, window)
    picture = svg(LEFT + WIDE + 8, TOP + HIGH + 22, "".join(parts), text)
    caption = f"loss by step: the line is the mean of every {window:,} steps, the band holds 8 of 10 single minibatches"
    return f'<div style="{TEXT};overflow-x:auto">{escape(caption)}{picture}{escape(text)}</div>'


def _bands(losses: Sequence[float], window: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return (lower end, mean, upper end) of every whole window."""
    whole = len(losses) // window
    each = torch.tensor(losses[: whole * window], dtype=torch.float64).view(whole, window)
    low, high = each.quantile(torch.tensor([INNER, 1 - INNER], dtype=torch.float64), 1)
    return low, each.mean(1), high


def _between(span: float) -> float:
    """Return how far apart lines across are: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(span / GRID))
    return next(power * digit for digit in (1, 2, 5, 10) if span <= GRID * power * digit)
