"""Judge one step on the trial cases, by marking's rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import torch

from ..gradients import ForwardLine
from ..judge import Evidence, Judgement, judge
from ..targets import UNTRIED, Check, Checks, Target
from .answer import Piece, leans, mixed, needed_pieces, own_pieces
from .cases import Case, NoTrialError, Pair
from .code import grads_read, names_low_precision
from .numerical import is_complex, may_shift
from .run import Ran, run, run_taped, value_of
from .shifted import TWICE, shifted

LOW_PRECISION_WORDS = ("dtype", "Double", "Float", "Half")
NAME_ERROR = re.compile(r"NameError: name '(\w+)' is not defined")
TOO_LONG = "its cell takes too long to be tried here"


@dataclass(frozen=True)
class Question:
    """One step of a notebook. name: its d-variable. tensor: the tensor that it is the gradient of.

    found: what the d-variable holds now. truth: PyTorch's gradient. error: what its cell raised. pieces: of all cells,
    in order. variables: the tensor of every d-variable. given: d-variables that the notebook takes from PyTorch.
    earlier_wrong: earlier ones that are wrong. lines: the forward pass, forward its text. rtol, atol: what the check
    line allows beside rounding. own: the pieces that make it, where they are known. known: names that setup and forward
    pass make. names: all names of the notebook. through: of the one target whose path is judged; "" for the whole
    gradient.
    """

    name: str
    tensor: str
    found: object
    truth: torch.Tensor
    error: str | None
    pieces: tuple[Piece, ...]
    variables: Mapping[str, str]
    given: frozenset[str]
    earlier_wrong: tuple[str, ...]
    lines: Sequence[ForwardLine]
    forward: str
    rtol: float = 0.0
    atol: float = 0.0
    own: tuple[Piece, ...] = ()
    known: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    through: str = ""

    def check(self, targets: Mapping[str, Target], ran: Ran) -> Check:
        """Compare what a run gave with what is right there."""
        target = targets[self.tensor].only(self.through) if self.through else targets[self.tensor]
        return target.allowing(self.rtol, self.atol).check(ran.values.get(self.name))


def judged(question: Question, cases: Sequence[Pair]) -> Judgement:
    """Return the judgement of a step. Raises NoTrialError where it cannot be tried."""
    before = _before_stub(question)
    if before is not None and (tried := _evidence(before, cases)).step.right:
        return judge(replace(tried, public=value_of(question.found), step=UNTRIED, end=UNTRIED, unset=question.name))
    return judge(_evidence(question, cases))


def _before_stub(question: Question) -> Question | None:
    """Return the question without the stub that has set its d-variable to None at last; None where there is none."""
    own = [piece for piece in question.pieces if question.name in piece.variables]
    if question.found is not None or len(own) < 2 or own[-1].source != f"{question.name} = None":
        return None
    return replace(question, pieces=tuple(piece for piece in question.pieces if piece is not own[-1]), own=())


def _evidence(question: Question, cases: Sequence[Pair]) -> Evidence:
    name, own = question.name, question.own or own_pieces(question.pieces, question.name)
    if not own and question.found is not None:
        raise NoTrialError(f"no cell that was run makes {name} by its name")
    exact = [pair.exact for pair in cases]
    runs: list[Ran] = []
    step = _stepwise(question, own, exact, runs)
    end = true = UNTRIED
    if not step.right:
        end = _end(question, own, exact, runs)
    # The paths of a gradient that is zero need not be.
    vanishing = question.tensor in exact[0].vanishing and not question.through
    right = step.right or (end.right and not vanishing)
    if not right and _lower_precision(question, own, runs):
        rounded = [pair.rounded() for pair in cases]
        step = max(step, _stepwise(question, own, rounded, runs), key=lambda checks: checks.rank)
        end = max(end, _end(question, own, rounded, runs), key=lambda checks: checks.rank)
    if not (step.right or end.right or mixed(own) or vanishing) and question.earlier_wrong:
        true = _with(question, own, exact, runs, lambda case: case.true, lambda case: case.end)
    known = set(question.variables.values())
    read = grads_read(piece.source for piece in own)
    return Evidence(
        public=value_of(question.found),
        truth=question.truth,
        end=end,
        step=step,
        true=true,
        vanishing=vanishing,
        earlier_wrong=question.earlier_wrong,
        error=question.error,
        uses_autograd=any(ran.uses for ran in runs),
        grads=tuple(dict.fromkeys(each if each in known else "" for each in read)),
        tensor=question.tensor,
        numerical=_numerical(question, own, exact),
    )


def held(question: Question, cases: Sequence[Pair]) -> list[tuple[Case, torch.Tensor]]:
    """Return what the step gave on each case with random gradients arriving, where it gave a tensor.

    Raises NoTrialError where it cannot be tried.
    """
    runs: list[Ran] = []
    exact = [pair.exact for pair in cases]
    _stepwise(question, question.own or own_pieces(question.pieces, question.name), exact, runs)
    # Of a step that was run by itself and once more with what it leans on, the latter.
    values = [ran.values.get(question.name) for ran in runs[-len(exact) :]]
    pairs = zip(exact, values, strict=True)
    return [(case, value.tensor) for case, value in pairs if value is not None and value.tensor is not None]


def _stepwise(question: Question, own: Sequence[Piece], cases: Sequence[Case], runs: list[Ran]) -> Checks:
    alone = UNTRIED
    if not mixed(own):
        alone = _with(question, own, cases, runs, lambda case: case.random, lambda case: case.step)
        if alone.right or not leans(question.pieces, own, question.variables, question.known):
            return alone
        # With all d-variables before it: one of them may be what it uses by another name.
        last = max(number for number, piece in enumerate(question.pieces) if piece in own)
        own = tuple(piece for piece in question.pieces[: last + 1] if piece.variables)
    pieces = _from_the_loss(question, own)

    def taped(case: Case) -> Ran:
        random = {name: case.random[tensor] for name, tensor in question.variables.items()}
        return run_taped(pieces, case, {name: random[name] for name in question.given}, random)[0]

    try:
        return max(alone, _tried(question, cases, runs, taped, lambda case: case.step), key=lambda checks: checks.rank)
    except NoTrialError:
        if alone is UNTRIED:
            raise
        return alone  # end to end may still show that it is right


def _with(
    question: Question,
    own: Sequence[Piece],
    cases: Sequence[Case],
    runs: list[Ran],
    gradients: Callable[[Case], Mapping[str, torch.Tensor]],
    targets: Callable[[Case], Mapping[str, Target]],
) -> Checks:
    """Run the step's own pieces with other gradients in place of the earlier ones."""
    others = {name: tensor for name, tensor in question.variables.items() if name != question.name}
    pieces = needed_pieces(question.pieces, own, others, known=question.known)

    def alone(case: Case) -> Ran:
        return run(pieces, case, {n: gradients(case)[t] for n, t in others.items()}, [question.name])

    return _tried(question, cases, runs, alone, targets)


def _end(question: Question, own: Sequence[Piece], cases: Sequence[Case], runs: list[Ran]) -> Checks:
    pieces = _from_the_loss(question, own)

    def whole(case: Case) -> Ran:
        given = {name: case.true[question.variables[name]] for name in question.given}
        return run(pieces, case, given, [question.name])

    return _tried(question, cases, runs, whole, lambda case: case.end)


def _from_the_loss(question: Question, own: Sequence[Piece]) -> tuple[Piece, ...]:
    """Return the step's pieces with all that lead to it, the earlier gradients included."""
    return needed_pieces(question.pieces, own, (), follow=True, known=question.known)


def _tried(
    question: Question,
    cases: Sequence[Case],
    runs: list[Ran],
    on: Callable[[Case], Ran],
    targets: Callable[[Case], Mapping[str, Target]],
) -> Checks:
    """Run the step on every case and compare; the runs are kept in `runs`.

    Raises NoTrialError where one took too long, or lacked a name that the notebook has.
    """
    public: list[Check] = []
    other: list[Check] = []
    for case in cases:
        ran = on(case)
        if ran.late:
            raise NoTrialError(TOO_LONG)
        lacking = NAME_ERROR.match(ran.error or "")
        if lacking is not None and lacking[1] in question.names:
            raise NoTrialError(f"its code needs {lacking[1]}, and no cell before it makes that")
        runs.append(ran)
        (public if case.public_sizes else other).append(question.check(targets(case), ran))
    return Checks(tuple(public), tuple(other))


def _lower_precision(question: Question, own: Sequence[Piece], runs: Sequence[Ran]) -> bool:
    """Return whether the step fixes a precision below float64 itself, or stumbles over one, as marking asks it."""
    if names_low_precision(*_code(question, own)[:2]):
        return True
    values = [value.tensor for ran in runs for value in ran.values.values() if value.tensor is not None]
    if any(tensor.is_floating_point() and tensor.element_size() < 8 for tensor in values):
        return True
    return any(ran.error is not None and any(w in ran.error for w in LOW_PRECISION_WORDS) for ran in runs)


def _numerical(question: Question, own: Sequence[Piece], cases: Sequence[Case]) -> bool:
    """Return whether the step evaluates the forward pass at shifted values, in two cases: in one it may be chance."""
    cells, numbers, recorded = _code(question, own)
    if not own or not may_shift(cells, numbers, question.name, recorded, question.forward):
        return False
    if is_complex(cells, numbers, question.name, recorded):
        return True
    pieces = _from_the_loss(question, own)
    found = (_shifts(question, pieces, case) for case in reversed(cases))
    return all(islice(found, TWICE))


def _shifts(question: Question, pieces: Sequence[Piece], case: Case) -> bool:
    random = {name: case.random[tensor] for name, tensor in question.variables.items()}
    ran, tape, held = run_taped(pieces, case, {name: random[name] for name in question.given}, random)
    tensors = {question.name: question.tensor}
    return not ran.late and question.name in shifted(tape, held, case.names, question.lines, tensors)


def _code(question: Question, own: Sequence[Piece]) -> tuple[dict[int, str], list[int], dict[str, int]]:
    """Return all pieces by number, the numbers of the step's own, and the last that makes each d-variable."""
    cells = {number: piece.source for number, piece in enumerate(question.pieces)}
    recorded = {name: n for n, piece in enumerate(question.pieces) for name in piece.variables}
    return cells, [number for number, piece in enumerate(question.pieces) if piece in own], recorded
