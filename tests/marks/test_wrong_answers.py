"""No wrong answer has full credit: thousands of mutations, and answers written by hand."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from autograder.marking.grader import Grader
from autograder.marking.result import SubmissionResult
from tests.marks.earned import HALF
from tests.marks.notebooks import grade, solutions, variable
from tests.marks.right_answers import RIGHT
from tests.marks.wrong_answers import VANISHING, Mutation, judges, mutations, with_its_other_paths
from tests.marks.wrong_by_hand import ALL, BY_HAND, Hand

# The judge runs nonsense, and PyTorch says so.
pytestmark = [pytest.mark.marks, pytest.mark.filterwarnings("ignore")]

ALONE = 200  # mutations that are tried alone, in an otherwise right submission
TRIVIAL_ALONE = 60  # the others are tried one of each d-variable in a submission

T = TypeVar("T")
R = TypeVar("R")


def _all(do: Callable[[T], R], what: Iterable[T]) -> list[R]:
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(do, what))


def _packed() -> list[list[Mutation]]:
    """Submissions with one mutation of every d-variable."""
    by_name: dict[str, list[Mutation]] = {}
    for mutation in mutations():
        by_name.setdefault(variable(mutation.cell), []).append(mutation)
    rows = itertools.zip_longest(*by_name.values())
    return [[mutation for mutation in row if mutation is not None] for row in rows]


def _passes(result: SubmissionResult, tried: Sequence[Mutation]) -> list[str]:
    """The mutations that have too much credit, and what makes the whole submission useless as a test."""
    if len(result.steps) != len(ALL):
        return [f"{result.status}: {result.error}"]
    steps = {step.name: step for step in result.steps}
    found = []
    for mutation in tried:
        step = steps[variable(mutation.cell)]
        most = 0.5 if step.verdict in HALF else 0.0
        if step.points >= step.max_points or step.points > most:
            found.append(f"{step.name} {step.verdict} {step.points} ({mutation.kind}): {mutation.code!r}")
    return found


def test_the_judge_knows_right_from_wrong() -> None:
    """What is proved wrong is no accident of the judge: it finds nothing wrong with right answers."""
    for judge in judges():
        for name in judge.true:
            cells = {cell: code for cell, code in solutions().items() if variable(cell) == name}
            assert not judge.differs(cells, name, judge.random, judge.stepwise[name])
            assert not judge.differs(cells, name, judge.true, judge.true[name]) or name in VANISHING
        for cell, several in RIGHT.items():
            plain = [code for code in several if not code.startswith("%") and "float" not in code]
            wrong = [code for code in plain if judge.is_wrong(with_its_other_paths(cell, code), variable(cell))]
            # Code that uses what only a notebook has.
            assert all("np." in code or "cmp(" in code or "%" in code or "dlogits.numpy" in code for code in wrong), (
                wrong
            )


def test_enough_and_all_distinct() -> None:
    tried = [(mutation.cell, mutation.code) for mutation in mutations()]
    assert len(set(tried)) == len(tried) >= 2000
    assert not {code for _, code in tried} & {code for several in RIGHT.values() for code in several}
    assert {variable(cell) for cell, _ in tried} == set(ALL)
    assert len({repr((hand.cells, hand.before)) for hand in BY_HAND}) == len(BY_HAND)


def test_every_mutation(grader: Grader, counts: list[str]) -> None:
    """One of each d-variable in a submission: marked step by step they do not touch each other."""
    packed = _packed()
    assert sum(map(len, packed)) == len(mutations())
    results = _all(lambda row: grade(grader, {m.cell: m.code for m in row}), packed)
    suspects = [m for result, row in zip(results, packed, strict=True) for m in row if _passes(result, [m])]
    # Two mistakes in a submission may cancel, such as two wrong signs: then the gradient is right.
    alone = _all(lambda m: _passes(grade(grader, {m.cell: m.code}), [m]), suspects)
    passed = [sentence for sentences in alone for sentence in sentences]
    assert len(suspects) < 20
    kinds = Counter(mutation.kind.partition(" ")[0] for mutation in mutations())
    most = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common(12))
    counts.append(f"wrong answers: {len(mutations())} mutations tried ({most}, ...), {len(passed)} false passes")
    assert not passed, "\n".join(passed)


def test_mutations_alone(grader: Grader, counts: list[str]) -> None:
    """In an otherwise right submission, where end to end has its say; and no other step loses anything."""
    chosen = random.Random(7).sample(mutations(), ALONE)
    results = _all(lambda mutation: grade(grader, {mutation.cell: mutation.code}), chosen)
    passed = []
    for result, mutation in zip(results, chosen, strict=True):
        passed += _passes(result, [mutation])
        others = [step.name for step in result.lost if step.name != variable(mutation.cell)]
        assert not others, f"{mutation.code!r} of {mutation.cell} took the marks of {others}"
    counts.append(f"wrong answers: {ALONE} mutations tried alone, {len(passed)} false passes, no other mark lost")
    assert not passed, "\n".join(passed)


def test_every_one_written_by_hand(grader: Grader, counts: list[str]) -> None:
    trivial = [hand for hand in BY_HAND if hand.kind == "trivial"]
    tried = [hand for hand in BY_HAND if hand.kind != "trivial"] + random.Random(11).sample(trivial, TRIVIAL_ALONE)
    results = _all(lambda hand: grade(grader, hand.cells, hand.before), tried)
    failures = [f for result, hand in zip(results, tried, strict=True) for f in _too_much(result, hand)]
    kinds = Counter(hand.kind for hand in tried)
    said = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    counts.append(f"wrong answers: {len(tried)} written by hand tried alone ({said}), {len(failures)} false passes")
    assert not failures, "\n".join(failures)


def test_every_trivial_one(grader: Grader, counts: list[str]) -> None:
    """Zeros, NaN, an empty tensor and their kind, for every d-variable at once."""
    trivial = [hand for hand in BY_HAND if hand.kind == "trivial"]
    by_value: dict[str, list[Hand]] = {}
    for hand in trivial:
        by_value.setdefault(hand.name.partition(" is ")[2], []).append(hand)
    packed = list(by_value.values())
    cells = [{cell: code for hand in hands for cell, code in hand.cells.items()} for hands in packed]
    results = _all(lambda changed: grade(grader, changed), cells)
    failures = [
        f for result, hands in zip(results, packed, strict=True) for hand in hands for f in _gained(result, hand)
    ]
    counts.append(f"wrong answers: {len(trivial)} trivial ones tried, {len(failures)} false passes")
    assert len(trivial) == sum(map(len, packed)) == len(ALL) * len(packed)
    assert not failures, "\n".join(failures)


def _gained(result: SubmissionResult, hand: Hand) -> list[str]:
    """The targets that have more credit than they may."""
    steps = {step.name: step for step in result.steps}
    return [
        f"{hand.kind}, {hand.name}: {name} is {steps[name].verdict} with {steps[name].points}"
        for name in hand.targets
        if name in steps
        and steps[name].points > (hand.most * steps[name].max_points if steps[name].verdict in HALF else 0.0)
    ]


def _too_much(result: SubmissionResult, hand: Hand) -> list[str]:
    """The targets that have more credit than they may, and the other steps that pay for it."""
    found = _gained(result, hand)
    others = [step.name for step in result.lost if step.name not in hand.targets]
    if others and not hand.spoils:
        found.append(f"{hand.kind}, {hand.name}: took the marks of {others}")
    return found


@pytest.mark.parametrize("kind", ["public sizes", "path"])
def test_half_the_credit_has_its_reason(grader: Grader, kind: str) -> None:
    """The half that is given is given for what it is."""
    verdict = {"public sizes": "hard-coded", "path": "path-missing"}[kind]
    half = [hand for hand in BY_HAND if hand.kind == kind and hand.most]
    seen = Counter()
    for result, hand in zip(_all(lambda hand: grade(grader, hand.cells, hand.before), half), half, strict=True):
        (step,) = [step for step in result.steps if step.name in hand.targets]
        assert step.verdict in (verdict, "error", "wrong"), hand.name
        assert step.hint or step.error, hand.name
        seen[step.verdict] += 1
    assert seen[verdict] > len(half) / 2


def test_autograd_is_called_autograd(grader: Grader) -> None:
    """What is copied is said to be copied, and counted in the flags."""
    names = ("everything by .grad", "through a helper in another cell", "a node through a helper in another cell")
    for hand in (hand for hand in BY_HAND if hand.name in names):
        result = grade(grader, hand.cells, hand.before)
        assert {step.verdict for step in result.steps if step.name in hand.targets} == {"autograd"}, hand.name
        assert any("autograd" in flag for flag in result.flags), hand.name


def test_a_solution_cell_for_every_target() -> None:
    assert all(hand.cells.keys() <= solutions().keys() and set(hand.targets) <= set(ALL) for hand in BY_HAND)
