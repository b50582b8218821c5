"""The forward pass, read: its lines, the routes by which a gradient comes back, and what each route contributes.

All it is given is the text of a forward cell and the values after it; it knows no particular network.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import torch

from .lines import ForwardError, read

Tensor = torch.Tensor
FEW = 2  # lines that a sentence quotes in full; more would be too long to read


@dataclass(frozen=True)
class Line:
    """One line of the forward pass. target: the name it assigns. uses: the names it reads. source: its text."""

    target: str
    uses: frozenset[str]
    source: str


@dataclass(frozen=True)
class Route:
    """One way by which a gradient comes back to `tensor`, from `target`, the next tensor that has a gradient.

    lines: those that compute the target from the tensor, in forward order; mostly one.
    """

    tensor: str
    target: str
    lines: tuple[Line, ...]

    @property
    def first(self) -> str:
        """What the gradient passes last before the tensor: what the only line that reads it makes, else the target."""
        made = [line.target for line in self.lines if self.tensor in line.uses]
        return made[0] if len(made) == 1 else self.target

    @property
    def text(self) -> str:
        """The lines as a sentence quotes them: as they are written, or the first and last where there are many."""
        if len(self.lines) > FEW:
            return f"the lines from `{self.lines[0].target}` to `{self.target}`"
        shown = [line.source.partition("\n")[0] + (" ..." if "\n" in line.source else "") for line in self.lines]
        return f"`{'; '.join(shown)}`"


@dataclass(frozen=True)
class Scene:
    """A tensor with its routes and all the numbers that its gradient depends on.

    names: all values after the forward pass. upstream: the gradient of each route's target, by the target's name. The
    loss, where it is a target, has the gradient 1. steps: the right gradients of the other tensors, each for what
    arrives at it here, by the tensor's name; {} where they are not known.
    """

    tensor: str
    routes: tuple[Route, ...]
    names: Mapping[str, Any]
    upstream: Mapping[str, Tensor]
    steps: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def value(self) -> Tensor:
        """The tensor itself, detached, in float64."""
        value: Tensor = in_float64(self.names[self.tensor])
        return value

    def through(self, route: Route) -> str:
        """Return the name that tells a route apart from the others: the nearest to the tensor, else its target."""
        alike = [other for other in self.routes if other.first == route.first]
        return route.first if len(alike) == 1 else route.target

    def arriving(self, route: Route) -> Tensor:
        """Return the gradient of the route's target in float64, expanded to the target's shape."""
        out = in_float64(self.names[route.target])
        gradient: Tensor = in_float64(self.upstream[route.target])
        return gradient.expand(out.shape)


@lru_cache(maxsize=200)  # each comparison reads all cells of the notebook again
def read_lines(source: str) -> tuple[Line, ...]:
    """Return the lines of a forward cell, one assignment each; () where the text is anything else."""
    try:
        return tuple(Line(each.target, frozenset(each.uses), each.source) for each in read(source))
    except (ForwardError, ValueError):
        return ()


def find_routes(lines: tuple[Line, ...], tensor: str, stops: Collection[str]) -> tuple[Route, ...]:
    """Return the routes of a tensor, the last used first. stops: the tensors that have a gradient of their own.

    The target of the last line, the loss, always counts as one of them.
    """
    last = lines[-1].target if lines else ""
    found, through = [], {tensor}
    for number, line in enumerate(lines):
        if not line.uses & through or line.target == tensor:
            continue
        if line.target in stops or line.target == last:
            needed, kept = set(line.uses), [line]
            for earlier in reversed(lines[:number]):
                if earlier.target in needed & through - {tensor}:
                    needed |= earlier.uses
                    kept.insert(0, earlier)
            found.append(Route(tensor, line.target, tuple(kept)))
        else:
            through.add(line.target)
    return tuple(reversed(found))


def in_float64(value: Any) -> Any:
    """Return a tensor detached, and in float64 where its dtype is a float; any other value as it is."""
    if not isinstance(value, Tensor):
        return value
    return value.detach().to(torch.float64) if value.is_floating_point() else value.detach()


@contextmanager
def double() -> Iterator[None]:
    """Make new tensors float64, record gradients, and leave the global random state alone; a context manager."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.enable_grad(), torch.random.fork_rng(devices=[]):
            yield
    finally:
        torch.set_default_dtype(before)


def product(
    scene: Scene,
    route: Route,
    *,
    of: str | None = None,
    at: Mapping[str, Any] | None = None,
    sources: tuple[str, ...] | None = None,
    arriving: Tensor | None = None,
    rounded: bool = False,
) -> Tensor | None:
    """Return the vector-Jacobian product of a route, detached; None where that cannot be computed.

    of: the name of the input that is differentiated, where it is not the scene's tensor. at: other values of some
    names. sources: other lines in place of the route's. arriving: another gradient in place of the target's. rounded:
    compute in the values' own dtypes, instead of in float64.
    """
    if any(line.source.startswith("for ") for line in route.lines):
        return None  # the names in a loop have other values in each of its turns
    of = of or route.tensor
    uses = frozenset().union(*(line.uses for line in route.lines)) | {of}
    names: dict[str, Any] = {name: scene.names[name] for name in uses if name in scene.names}
    if rounded:
        names = {name: value.detach() if isinstance(value, Tensor) else value for name, value in names.items()}
        arriving = scene.upstream[route.target]
    else:
        names = {name: in_float64(value) for name, value in names.items()}
    names |= at or {}
    leaf = names[of] = names[of].clone().requires_grad_()
    try:
        with torch.enable_grad() if rounded else double():
            for source in sources or tuple(line.source for line in route.lines):
                exec(source, names)  # a line of the exercise, or one like it
            out = names[route.target]
            arriving = scene.arriving(route) if arriving is None else arriving
            back = pulled_back(out, leaf, arriving.to(out.dtype))
    except Exception:  # a line that is only like the exercise's may do anything
        return None
    return None if back is None else back.detach()


def pulled_back(out: Tensor, leaf: Tensor, arriving: Tensor) -> Tensor | None:
    """Return the gradient of `leaf`, given `arriving`, that of `out`; None where `out` does not depend on `leaf`.

    It multiplies and sums instead of passing grad_outputs to autograd.grad, because PyTorch would import sympy for
    those, which takes half a second.
    """
    return torch.autograd.grad((out * arriving.expand(out.shape)).sum(), leaf, allow_unused=True)[0]


def unsummed(scene: Scene, route: Route) -> Tensor | None:
    """Return a route's contribution before it is summed over the axes along which the tensor was broadcast.

    Returns None where it was not broadcast, or where the sum over those axes does not give the contribution.
    """
    value, out = scene.value, scene.names[route.target]
    for shape in (out.shape, (*out.shape[:-2], *value.shape)):
        if len(shape) >= value.dim() and tuple(shape) != tuple(value.shape):
            try:
                wide = value.expand(shape)
            except RuntimeError:
                continue
            part = product(scene, route, at={route.tensor: wide})
            if part is not None:
                whole = product(scene, route)
                summed = sum_to(part, value.shape)
                if whole is not None and torch.allclose(summed, whole, rtol=1e-9, atol=1e-12):
                    return part
    return None


def sum_to(part: Tensor, shape: Any) -> Tensor:
    """Return `part` summed or expanded to the shape. Raises RuntimeError where the shapes do not broadcast."""
    try:
        return part.sum_to_size(shape)
    except RuntimeError:
        return part.expand(shape)
