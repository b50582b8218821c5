"""What has been compared so far, in marking's words, and the mark to expect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from .judge import CREDIT, Verdict


class Worth(NamedTuple):
    """What a step earns at most: points of the exercise's maximum, or a bonus beyond it."""

    points: float = 1.0
    bonus: float = 0.0


@dataclass(frozen=True)
class Result:
    """One step as it stands. name: its d-variable. verdict: in marking's words, "untried" where only the mark can tell.

    points: what the verdict usually earns, of max_points; a bonus is beyond them. reason: a sentence, None where there
    is nothing to say.
    """

    name: str
    verdict: str
    points: float
    max_points: float
    reason: str | None


_kept: dict[str, tuple[Verdict | None, str | None]] = {}
_values: dict[str, object] = {}  # what each of them was a verdict on
_belongs_to: list[object] = []


def belongs_to(shell: object, forward: str) -> None:
    """Forget all verdicts where they belong to another notebook, or to another text of the forward cell."""
    if _belongs_to != [shell, forward]:
        _belongs_to[:] = [shell, forward]
        _kept.clear()
        _values.clear()


def keep(name: str, verdict: Verdict | None, reason: str | None, value: object = None) -> None:
    """Keep the latest verdict on a step, in place of any earlier one.

    verdict: None where it could not be tried. value: the student's, which it is a verdict on.
    """
    _kept[name] = verdict, reason
    _values[name] = value


def verdict_of(name: str, value: object) -> Verdict | None:
    """Return the latest verdict on a step; None where there is none, or where it was on another value than this."""
    return _kept[name][0] if name in _kept and _values[name] is value else None


def results_of(points: Mapping[str, Worth]) -> list[Result]:
    """Return the results so far, in the notebook's order. points: by variable; 1 point where it is not known."""
    order = [*(name for name in points if name in _kept), *(name for name in _kept if name not in points)]
    return [_result(name, points.get(name, Worth())) for name in order]


def expected(points: Mapping[str, Worth]) -> str:
    """Return the expected mark in a few words: "7 of 26 steps, 7 of 26 points"."""
    found = [result for result in results_of(points) if result.name in points or not points]
    earned = sum(result.points for result in found)
    right = sum(CREDIT.get(result.verdict, 0.0) == 1.0 for result in found)
    if not points:
        return f"{right} of {len(found)} steps compared so far"
    bonus = sum(result.points for result in found if points[result.name].bonus)
    beyond = f", {bonus:g} of them as a bonus" if bonus else ""
    most = sum(worth.points for worth in points.values())
    return f"{right} of {len(points)} steps, {earned:g} of {most:g} points{beyond}"


def _result(name: str, worth: Worth) -> Result:
    verdict, reason = _kept[name]
    earned = (worth.points + worth.bonus) * CREDIT.get(verdict or "", 0.0)
    return Result(name, verdict or "untried", earned, worth.points, reason)
