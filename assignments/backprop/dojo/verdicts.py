"""Judge a step of the running notebook as marking will: put together what was run, and try it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

from . import standing, state
from .behind import behind
from .compare import ATOL, RTOL, compare, compare_with_grad, plain
from .explain.sentences import Explanation
from .history import Cell
from .judge import CREDIT, IDLE_HINT, Judgement
from .notebook import Session, reason_for
from .points import sheet
from .reading import Reading, cases_of, error_of, read_notebook
from .reasons import explained, explained_error
from .structure import tensors_in
from .trial.answer import Piece, own_pieces
from .trial.cases import NoTrialError, Pair
from .trial.step import Question, judged


@dataclass(frozen=True)
class Said:
    """What the notebook says of a step.

    name: the d-variable, "" for an expression and for any other name, which are no steps. judgement: by marking's rule;
    None where it was not tried. stale: a sentence where the values in the notebook are out of date. untried: why it was
    not tried. cause: looks for the reason on the trial cases.
    """

    name: str
    judgement: Judgement | None = None
    stale: str | None = None
    untried: str | None = None
    cause: Callable[[], Explanation | None] | None = None


USUAL = (RTOL, ATOL)
EDITED = "the forward cell was edited and no longer is what was released; run it as it was"
EXPLAINED = ("wrong", "shape", "path-missing")


def say(
    session: Session, label: str, found: object, tensor: torch.Tensor, tolerance: tuple[float, float] = USUAL
) -> Said | None:
    """Return what there is to say of a comparison in this notebook, and keep it for `progress()` and `results()`.

    Returns None for what is no step of its forward pass. label: of the comparison. found: the student's gradient of the
    tensor. tolerance: (rtol, atol) of the comparison.
    """
    said = _tried(session, label, found, tensor, tolerance)
    if said is None or not said.name:
        return said
    if said.judgement is not None:
        standing.keep(said.name, said.judgement.verdict, said.judgement.hint or said.judgement.error, found)
    else:
        standing.keep(said.name, None, said.stale or f"not tried: {said.untried}")
    return said


def say_of_path(session: Session, label: str, found: object, tensor: torch.Tensor, through: str) -> Said | None:
    """Return what there is to say of one path of a step, judged like a step; it is kept nowhere and earns nothing.

    through: the name of the tensor that the path comes back through.
    """
    return _tried(session, label, found, tensor, USUAL, through)


def _tried(
    session: Session, label: str, found: object, tensor: torch.Tensor, tolerance: tuple[float, float], through: str = ""
) -> Said | None:
    known = frozenset().union(*({line.target, *line.uses} for line in session.lines))
    # A tensor that was made anew has no gradient to be known by.
    target = session.name_of(tensor, label) or label.partition(",")[0]
    if target not in known:
        return _in_container(session, known, tensor)
    standing.belongs_to(session.shell, session.source)
    read = read_notebook(session, label)
    if read is None:
        return Said(f"d{target}", untried=EDITED)
    name = next((d for d, t in read.variables.items() if t == target), f"d{target}")
    if found is not session.names.get(name):
        return Said("", untried=f"this is no step, marks are for `{name}`")
    own: tuple[Piece, ...] = ()
    stale = state.of_the_forward_pass(session.names, session.lines, read.forward, read.setup, read.pieces, read.cells)
    if stale is None:
        agrees = compare_with_grad(found, tensor).approximate
        about = read.pieces, read.variables, read.cells, read.known
        stale, own = state.of_the_step(name, found, session.names, *about, agrees)
    shared = None
    if stale is not None and target in session.marked:
        why_so = session.why(plain(found), target)
        shared = why_so.sentence if why_so is not None and why_so.kind == "shared" else None
    # What a later step changed through a view earns its point all the same: its code is tried below.
    if stale is not None and shared is None:
        error = error_of(read, name)
        if error is not None and error in stale and target in session.marked:
            found_out = explained_error(session, read, name, target)
            stale = stale if found_out is None else f"{stale} ({found_out.sentence})"
        return Said(name, stale=stale)
    if target not in session.marked:
        twice = state.of_the_backward_pass(read.backward)
        return None if twice is None else Said(name, stale=twice)
    truth = session.part(target, through) if through else tensor.grad
    assert truth is not None  # it is marked, and cmp_path has found the path
    earlier = _earlier_wrong(session, read, name, target)
    question = Question(
        name,
        target,
        found,
        truth,
        error_of(read, name),
        read.pieces,
        read.variables,
        read.given,
        earlier,
        session.lines,
        read.forward.source,
        *((0.0, 0.0) if tolerance == USUAL else tolerance),
        own,
        read.known,
        frozenset(session.names),
        through,
    )
    try:
        cases = cases_of(session, read)
        judgement = judged(question, cases)
        late = None
        if through and not earns(judgement):
            late = _added_since(question, cases, read.cells)
    except NoTrialError as error:
        return Said(name, stale=shared) if shared else Said(name, untried=str(error))
    if shared is not None:
        return Said(name, replace(judgement, hint=shared)) if earns(judgement) else Said(name, stale=shared)
    if judgement.verdict == "path-missing":
        late = state.other_path(name, read.pieces, read.cells)
    if late is not None:
        return Said(name, stale=late)
    if judgement.verdict == "follow-through" and earlier:
        used = frozenset().union(*(piece.uses for piece in own_pieces(read.pieces, name)))
        first = next((other for other in earlier if other in used), earlier[0])
        hint = f"right for the gradients that it was given; {first} is wrong: mend {first} first"
        judgement = replace(judgement, hint=hint)
    # A path has no trial cases of its own: its reason is sought in the notebook's numbers.
    cause = None if through else lambda: explained(question, cases, session.routes(target))
    return Said(name, judgement, cause=cause)


def _in_container(session: Session, known: Collection[str], tensor: torch.Tensor) -> Said | None:
    """Return that a tensor was not tried because the forward pass reads it from a container; None for any other."""
    for name in sorted(known):
        value = session.names.get(name)
        if not isinstance(value, torch.Tensor) and any(each is tensor for _, each in tensors_in({name: value})):
            return Said("", untried=f"not tried here: the forward pass reads it from `{name}`; marking decides")
    return None


def _added_since(question: Question, cases: Sequence[Pair], cells: Mapping[int, Cell]) -> str | None:
    """Return a sentence where a path was right before a later cell added another one; None where it was not."""
    own = question.own or own_pieces(question.pieces, question.name)
    later = [piece for piece in own if piece.cell != own[0].cell]
    if not later:
        return None
    before = tuple(piece for piece in question.pieces if piece not in later)
    if not earns(judged(replace(question, pieces=before, own=()), cases)):
        return None
    first, since = cells[own[0].cell].called, cells[later[0].cell].called
    return f"right until {since} added to `{question.name}`: run {first} again to see this path alone"


def why(label: str, found: object, tensor: torch.Tensor, said: Said | None, through: str = "") -> str | None:
    """Return the reason for a step that is wrong, or has a wrong path: the explainer's, else that of marking's rule.

    through: the tensor by which the path comes back, where only one path is asked for.
    """
    judgement = None if said is None else said.judgement
    hint = None if judgement is None else judgement.hint or judgement.error
    if judgement is not None and judgement.verdict not in EXPLAINED and hint != IDLE_HINT:
        return hint
    sentence = reason_for(label, found, tensor, None if said is None else said.cause, through)
    if sentence is None or judgement is None:
        return sentence or hint
    # Where cmp shows the step as right, why it is not stays in front.
    return f"{judgement.hint}: {sentence}" if judgement.comparison.approximate and judgement.hint else sentence


def _earlier_wrong(session: Session, read: Reading, name: str, tensor: str) -> tuple[str, ...]:
    """Return the earlier d-variables that are wrong: by their verdicts or, where there is none yet, by their values."""
    order = list(sheet(session.shell, session.source).points)
    before = order[: order.index(name)] if name in order else ()
    earlier = [read.variables[other] for other in before if other in read.variables]
    made = behind(session.lines, tensor, earlier, session.marked)
    wrong = []
    for other, theirs in read.variables.items():
        if theirs not in made or other in read.given:
            continue
        value, truth = session.names.get(other), session.names[theirs].grad
        verdict = standing.verdict_of(other, value)
        right = compare(value, truth).approximate if verdict is None else verdict in ("exact", "approximate")
        wrong += [] if right else [other]
    return tuple(wrong)


def earns(judgement: Judgement) -> bool:
    """Return whether a verdict earns its whole point."""
    return CREDIT.get(judgement.verdict, 0.0) == 1.0
