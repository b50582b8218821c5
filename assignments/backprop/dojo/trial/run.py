"""Run pieces of an answer on a trial case, in names of their own, without autograd and within a time."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy as shallow
from dataclasses import dataclass, field
from types import FunctionType, MappingProxyType, ModuleType
from typing import Any

import torch
from torch.autograd import Variable, forward_ad

from ..compare import plain
from ..history import one_line
from .answer import Piece
from .cases import Case, undisturbed
from .deadline import LateError, deadline
from .tape import Tape, replay

SECONDS = 5.0  # all pieces of one step on one case; long enough on a machine with much else to do
FEW = 100  # tensors of a list that is copied, such as that of the parameters
SHARED_BYTES = 2**20  # a larger tensor is data that an answer only reads; it is not copied


@dataclass(frozen=True)
class Value:
    """What a d-variable held. kind: "tensor", "none", "undefined" or "other", which `type` then describes."""

    kind: str
    tensor: torch.Tensor | None = None
    type: str = ""


@dataclass
class Ran:
    """How a run went. values: by d-variable. error: the first exception, in one line. uses: calls of autograd."""

    values: dict[str, Value] = field(default_factory=dict)
    error: str | None = None
    uses: int = 0
    late: bool = False


def value_of(found: object) -> Value:
    """Return a description of what a name holds."""
    if found is None:
        return Value("none")
    numbers = plain(found)
    if isinstance(numbers, torch.Tensor):
        return Value("tensor", numbers)
    return Value("other", type=type(found).__name__)


def run(pieces: Sequence[Piece], case: Case, given: Mapping[str, torch.Tensor], wanted: Sequence[str]) -> Ran:
    """Run the pieces in order, and return what the wanted d-variables hold then. given: d-variables that are there."""
    names = _names(case, given, pieces)
    ran = Ran()
    with _alone(case, ran):
        _execute(pieces, names, ran, {name: given[name] for name in given if name not in wanted})
    ran.values = {name: value_of(names[name]) if name in names else Value("undefined") for name in wanted}
    return ran


def run_taped(
    pieces: Sequence[Piece], case: Case, given: Mapping[str, torch.Tensor], random: Mapping[str, torch.Tensor]
) -> tuple[Ran, Tape, dict[str, torch.Tensor]]:
    """Run the pieces, and their operations again with each d-variable replaced once it is there.

    given: d-variables that no piece makes. random: the gradients that replace the others. Returns what each held before
    it was replaced, the tape, and the tensors that it held in the run.
    """
    names = _names(case, given, pieces)
    ran, tape = Ran(), Tape(names)
    made = [name for name in random if any(name in piece.variables for piece in pieces)]
    held: dict[str, torch.Tensor] = {}
    with _alone(case, ran):
        with tape:  # type: ignore[no-untyped-call,unused-ignore]
            _execute(pieces, names, ran)
        found = {name: names.get(name) for name in made}
        held = {name: v for name, v in found.items() if type(v) is torch.Tensor and v.layout == torch.strided}
        if not tape.broken:
            with contextlib.suppress(Exception):  # what cannot be done again is not known in this way
                ran.values = {name: value_of(value) for name, value in replay(tape, held, random).items()}
    return ran, tape, held


def _names(case: Case, given: Mapping[str, torch.Tensor], pieces: Sequence[Piece]) -> dict[str, Any]:
    """Return the names to run in; what a piece mentions is copied, so that no change in place reaches the case."""
    mentioned = frozenset().union(*(piece.uses | piece.defines for piece in pieces))
    copies: dict[int, torch.Tensor] = {}

    numpy = sys.modules.get("numpy")

    def copy(value: Any) -> Any:
        if type(value) in (list, tuple) and len(value) < FEW:
            return type(value)(copy(part) for part in value)
        if type(value) is dict and len(value) < FEW:
            return {key: copy(part) for key, part in value.items()}
        if numpy is not None and type(value) is numpy.ndarray and value.nbytes <= SHARED_BYTES:
            return value.copy()
        if type(value).__module__ in ("__main__", "types") and type(getattr(value, "__dict__", None)) is dict:
            return _copied(value, copy)
        if not isinstance(value, torch.Tensor) or value.numel() * value.element_size() > SHARED_BYTES:
            return value
        if id(value) not in copies:
            copies[id(value)] = value.detach().clone()
        return copies[id(value)]

    names = dict(case.names)
    names.update({name: copy(names[name]) for name in mentioned if name in names})
    return names | {name: gradient.clone() for name, gradient in given.items()}


def _copied(value: Any, copy: Callable[[Any], Any]) -> Any:
    """Return a copy of a plain object of the student's own; the object itself where it cannot be copied."""
    if isinstance(value, type | FunctionType | ModuleType):
        return value
    try:
        made = shallow(value)
        vars(made).update({name: copy(part) for name, part in vars(value).items()})
    except Exception:
        return value
    return made


def _execute(
    pieces: Sequence[Piece], names: dict[str, Any], ran: Ran, given: Mapping[str, torch.Tensor] = MappingProxyType({})
) -> None:
    """Run the pieces. given: d-variables that hold this gradient again behind a piece that makes them."""
    for piece in pieces:
        try:
            exec(compile(piece.source, "<trial>", "exec"), names)
        except Exception as error:  # the next one may still be right, as in marking
            ran.error = ran.error or one_line(error)
        names.update({name: given[name].clone() for name in piece.variables if name in given})


@contextlib.contextmanager
def _alone(case: Case, ran: Ran) -> Iterator[None]:
    """Run quietly, in the case's precision, without autograd, until the time is up, which `ran.late` then says."""
    try:
        with undisturbed(case.dtype), torch.no_grad(), _without_autograd(ran), deadline(SECONDS):
            yield
    except LateError:
        ran.late = True


@contextlib.contextmanager
def _without_autograd(ran: Ran) -> Iterator[None]:
    """Let autograd answer with noise and count its uses, as marking does; a context manager."""
    owner: Any = Variable
    engine, unpack = owner._execution_engine, forward_ad.unpack_dual

    class Engine:
        def run_backward(self, tensors: Any, grads: Any, keep: Any, create: Any, inputs: Any, *a: Any, **k: Any) -> Any:
            ran.uses += 1
            if not k.get("accumulate_grad"):
                return tuple(torch.randn_like(each) for each in inputs)
            return ()

        def __getattr__(self, name: str) -> Any:
            return getattr(engine, name)

    def unpack_dual(*args: Any, **kwargs: Any) -> Any:
        dual = unpack(*args, **kwargs)  # type: ignore[no-untyped-call]
        if dual.tangent is None:
            return dual
        ran.uses += 1
        return type(dual)(dual.primal, torch.randn_like(dual.tangent))

    owner._execution_engine = Engine()
    setattr(forward_ad, "unpack_dual", unpack_dual)  # noqa: B010
    try:
        yield
    finally:
        owner._execution_engine = engine
        setattr(forward_ad, "unpack_dual", unpack)  # noqa: B010
