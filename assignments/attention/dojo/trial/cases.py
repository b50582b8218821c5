"""Make trial cases from the notebook's own cells: its setup run with other seeds and sizes, and what is right there."""

from __future__ import annotations

import ast
import contextlib
import io
import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..gradients import (
    ForwardLine,
    Gradients,
    TiesError,
    TieWatch,
    cut_forward,
    end_to_end,
    in_dtype,
    through_steps,
    vanishing,
)
from ..targets import IN_FLOAT32, IN_FLOAT64, Target, Tolerance
from .answer import bound_inside
from .code import defined_names, parsed
from .deadline import LateError, deadline
from .parameters import constants_in, demands_in, fixed_in, has_parameters_only
from .sizes import larger, meeting, smaller_in_another_order
from .turns import turns

DRAWS = 5  # how often a case is drawn again that has ties or numbers that are not finite
# Of processor time; a longer setup is not run again, or the first comparison would take too long.
SETUP_SECONDS = 2.0
SETUP_WALL = 20.0  # by the clock: what waits, for a file or a network, is not waited for


class NoTrialError(Exception):
    """Raised where no trial can be made; the message says why, as the end of a sentence."""


@dataclass(frozen=True)
class Case:
    """The exercise with other numbers. By tensor: end, step: what is right end to end and step by step.

    names: all values after the forward pass, without a graph. true, random: the true gradients, and the random ones.
    vanishing: the tensors whose true gradient is zero. public_sizes: whether the sizes are the notebook's own.
    """

    public_sizes: bool
    dtype: torch.dtype
    names: Mapping[str, Any]
    end: Mapping[str, Target]
    step: Mapping[str, Target]
    true: Mapping[str, torch.Tensor]
    random: Mapping[str, torch.Tensor]
    vanishing: frozenset[str]


@dataclass(frozen=True)
class Pair:
    """One case in float64, and a function that makes the same in float32, for code that fixes that precision."""

    exact: Case
    rounded: Callable[[], Case]


def setup_cells(cells: Sequence[str], lines: Sequence[ForwardLine]) -> tuple[str, ...]:
    """Return those of the cells before the forward cell that it needs, in order."""
    made: set[str] = set()
    wanted: set[str] = set()
    for line in lines:
        wanted |= set(line.uses) - made
        made.add(line.target)
    kept: list[str] = []
    for source in reversed(cells):
        tree = parsed(source)
        if tree is None:
            continue
        calls = (node.value for node in tree.body if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
        # `random.shuffle(words)` may change what it is given.
        passed = {n.id for call in calls for arg in call.args for n in ast.walk(arg) if isinstance(n, ast.Name)}
        if not wanted.isdisjoint(defined_names(source) | passed):
            kept.append(source)
            wanted |= {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)} - bound_inside(tree)
    return tuple(reversed(kept))


def make_cases(setup: Sequence[str], lines: Sequence[ForwardLine], marked: Sequence[str]) -> tuple[Pair, ...]:
    """Run the setup with other seeds, and with larger and smaller sizes. Raises NoTrialError.

    setup: the cells, from the parameters on. marked: the tensors that have a gradient.
    """
    number, constants = _parameters(setup)
    integers = {name: value for name, value in constants.items() if type(value) is int}
    seeds = [name for name in integers if "seed" in name.lower()]
    kept = {*seeds, *fixed_in(setup[number - 1])}
    sizes = {name: value for name, value in integers.items() if name not in kept and value > 1}
    asked = demands_in(setup[number - 1])
    source = random.Random()
    pairs: list[Pair] = []
    public: frozenset[str] | None = None
    for which in ("public", "larger", "smaller")[: 3 if sizes else 1]:
        pair = None
        for _ in range(DRAWS):
            overrides = {name: source.randrange(2**31) for name in seeds}
            overrides |= _other_sizes(which, sizes, asked, constants, source)
            names = _run_setup(setup, number, overrides)
            try:
                pair = _pair(names, lines, marked, public_sizes=not pairs)
            except TiesError:
                continue
            if public is None or pair.exact.vanishing == public:
                break
        if pair is None:
            raise NoTrialError("with other data the forward pass has ties in a maximum")
        public = pair.exact.vanishing
        pairs.append(pair)
    return tuple(pairs)


def _other_sizes(
    which: str, sizes: dict[str, int], asked: Sequence[str], constants: Mapping[str, Any], source: random.Random
) -> dict[str, int]:
    """Return the sizes of a case. which: "public", "larger" or "smaller". Raises NoTrialError."""
    if which == "public":
        return {}
    if not asked:
        return larger(sizes, source) if which == "larger" else smaller_in_another_order(sizes, source)
    found = meeting(asked, constants, sizes, source, larger=which == "larger")
    if found is None:
        raise NoTrialError("no other sizes meet what the parameters demand")
    return found


def _parameters(setup: Sequence[str]) -> tuple[int, dict[str, Any]]:
    """Return (number of cells after which the parameters are set, their values)."""
    for number, source in enumerate(setup, start=1):
        if has_parameters_only(source):
            return number, constants_in(source)
    raise NoTrialError("no cell before the forward pass sets sizes and seeds only")


def _run_setup(setup: Sequence[str], number: int, overrides: Mapping[str, int]) -> dict[str, Any]:
    """Run the cells in names of their own, in float64. Raises NoTrialError."""
    names: dict[str, Any] = {"__name__": "__main__"}
    started = time.process_time()
    with undisturbed(torch.float64), deadline(SETUP_WALL):
        for position, source in enumerate(setup, start=1):
            try:
                exec(compile(parsed(source) or ast.Module([], []), "<setup>", "exec"), names)
            except LateError:
                raise NoTrialError("the cells before the forward pass take too long to be run again") from None
            except Exception as error:
                raise NoTrialError(f"the setup fails with other sizes ({type(error).__name__})") from None
            if position == number:
                names.update(overrides)
    if time.process_time() - started > SETUP_SECONDS:
        raise NoTrialError("the cells before the forward pass take too long to be run again")
    return names


def _pair(names: dict[str, Any], lines: Sequence[ForwardLine], marked: Sequence[str], *, public_sizes: bool) -> Pair:
    """Return a case in both precisions. Raises TiesError, NoTrialError."""
    for name in marked:
        value = names.get(name)
        if isinstance(value, torch.Tensor) and value.is_leaf and value.is_floating_point():
            value.requires_grad_()
    upstream: dict[str, torch.Tensor] = {}
    try:
        with undisturbed(torch.float64), torch.enable_grad():
            lines = turns(lines, names)
            exact = _case(names, lines, marked, upstream, IN_FLOAT64, public_sizes)
    except TiesError:
        raise
    except Exception as error:
        raise NoTrialError(f"the forward pass fails with other sizes ({type(error).__name__})") from None

    def rounded() -> Case:
        with undisturbed(torch.float32), torch.enable_grad():
            return _case(in_dtype(names, torch.float32), lines, marked, upstream, IN_FLOAT32, public_sizes)

    return Pair(exact, rounded)


def _case(
    names: dict[str, Any],
    lines: Sequence[ForwardLine],
    marked: Sequence[str],
    upstream: dict[str, torch.Tensor],
    tolerance: Tolerance,
    public_sizes: bool,
) -> Case:
    """Return one case. upstream: the random gradients; drawn, and put there, where it is empty."""
    with TieWatch():
        total = end_to_end(names, lines, marked)
    other = torch.float64 if tolerance is IN_FLOAT32 else torch.float32
    with undisturbed(other), torch.enable_grad():
        elsewhere = end_to_end(in_dtype(names, other), lines, marked)
    both = (elsewhere, total) if tolerance is IN_FLOAT32 else (total, elsewhere)
    cut = cut_forward(names, lines, marked)
    dtype = next(iter(total.values())).dtype
    if not upstream:
        upstream.update({name: torch.randn(leaf.shape, dtype=torch.float64) for name, leaf in cut.leaves.items()})
    drawn = {name: gradient.to(dtype) for name, gradient in upstream.items()}
    if not all(bool(torch.isfinite(gradient).all()) for gradient in total.values()):
        raise TiesError("a gradient is not finite")
    values = {name: v.detach() if isinstance(v, torch.Tensor) else v for name, v in names.items()} | cut.values
    ends = Gradients(total, through_steps(cut, total).paths)
    steps = through_steps(cut, drawn)
    return Case(
        public_sizes,
        dtype,
        values,
        {name: Target(ends.total[name], ends.paths[name], tolerance) for name in marked},
        {name: Target(steps.total[name], steps.paths[name], tolerance) for name in marked},
        total,
        drawn,
        vanishing(*both),
    )


@contextlib.contextmanager
def undisturbed(dtype: torch.dtype) -> Iterator[None]:
    """Run without a trace: nothing is printed, no random state and no default stays changed; a context manager.

    dtype: the default of new tensors meanwhile.
    """
    before, drawn = torch.get_default_dtype(), random.getstate()
    numpy = sys.modules.get("numpy")
    also = numpy.random.get_state() if numpy is not None else None
    torch.set_default_dtype(dtype)
    nothing = io.StringIO()
    try:
        with (
            torch.random.fork_rng(devices=[]),
            contextlib.redirect_stdout(nothing),
            contextlib.redirect_stderr(nothing),
        ):
            yield
    finally:
        torch.set_default_dtype(before)
        random.setstate(drawn)
        if numpy is not None:
            numpy.random.set_state(also)
