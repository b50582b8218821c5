"""Small scenes for the tests: forward lines, random values, and random gradients for what has one."""

from __future__ import annotations

import torch

from autograder.dojo.explain.forward import Scene, find_routes, read_lines


def scene(forward: str, tensor: str, *stops: str, n: int = 6, dtype: torch.dtype = torch.float64) -> Scene:
    """The scene of `tensor`, where `stops` have gradients of their own. Inputs: oar (n, 4), hull (4,), ship (4, 4)."""
    source = torch.Generator().manual_seed(2)
    names = {"n": n, "torch": torch, "port": torch.tensor([0, 3, 1, 1, 2, 0])}
    for name, shape in {"oar": (n, 4), "hull": (4,), "ship": (4, 4)}.items():
        names[name] = torch.rand(shape, generator=source, dtype=dtype) + 0.5
    lines = read_lines(forward)
    for line in lines:
        exec(line.source, names)
    kept = dict.fromkeys((*stops, lines[-1].target))
    upstream = {name: torch.randn(names[name].shape, generator=source, dtype=dtype) for name in kept}
    return Scene(tensor, find_routes(lines, tensor, set(stops)), names, upstream)
