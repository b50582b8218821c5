"""`make bench-explain`: how often the sentence names the true cause of a wrong answer, and how often another."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from autograder.dojo.explain.sentences import Explanation
from tests.explain.mistakes import Mistake, mistakes
from tests.explain.networks import NAMES, Network, network


@dataclass(frozen=True)
class Outcome:
    """What was said of one mistake."""

    mistake: Mistake
    said: Explanation | None

    @property
    def verdict(self) -> str:
        """named, other or silent."""
        if self.said is None:
            return "silent"
        right = self.said.kind in self.mistake.kinds
        worded = all(word in self.said.sentence for word in self.mistake.words)
        # Words name the path, and code that stands once in the answer shows the place as well.
        worded |= any(self._stands_once(quote) for quote in self._quotes())
        return "named" if right and worded else "other"

    def _stands_once(self, quote: str) -> bool:
        start, end = (r"\b" if quote[at].isalnum() else "" for at in (0, -1))
        return len(re.findall(f"{start}{re.escape(quote)}{end}", self._code())) == 1

    def _quotes(self) -> list[str]:
        return [] if self.said is None else re.findall("`([^`]+)`", self.said.sentence)

    def _code(self) -> str:
        return "\n".join(ast.unparse(ast.parse(code)) for _, code in self.mistake.cells)


def measured(network: Network, where: str) -> list[Outcome]:
    """What is said of every mistake. where: "marked" (hidden cases) or "shown" (in the notebook)."""
    say: Callable[[dict[str, str], str], Explanation | None] = getattr(network, where)
    found = mistakes(network.name)
    if where == "shown":  # what cmp calls right there (a gradient that is zero, say) gets no sentence
        found = [mistake for mistake in found if not network.looks_right(dict(mistake.cells), mistake.name)]
    return [Outcome(mistake, say(dict(mistake.cells), mistake.name)) for mistake in found]


def main() -> None:
    """Print the table."""
    table = Table(title="what the sentence says of a wrong answer, of 100", title_justify="left")
    for column in ("exercise", "where", "wrong answers", "true cause", "another cause", "no sentence"):
        table.add_column(column, justify="left" if column in ("exercise", "where") else "right")
    every: dict[str, list[Outcome]] = {}
    for name in NAMES:
        for where in ("marked", "shown"):
            outcomes = measured(network(name), where)
            every.setdefault(where, []).extend(outcomes)
            table.add_row(name, where, *_row(outcomes))
    for where, outcomes in every.items():
        table.add_row("all", where, *_row(outcomes), style="bold")
    console = Console()
    console.print(table)
    kinds = Table(title="marked, by true cause", title_justify="left")
    for column in ("cause", "wrong answers", "true cause", "another cause", "no sentence"):
        kinds.add_column(column, justify="left" if column == "cause" else "right")
    by_kind: dict[str, list[Outcome]] = {}
    for outcome in every["marked"]:
        by_kind.setdefault(" or ".join(sorted(outcome.mistake.kinds)), []).append(outcome)
    for kind, outcomes in sorted(by_kind.items()):
        kinds.add_row(kind, *_row(outcomes))
    console.print(kinds)


def _row(outcomes: list[Outcome]) -> list[str]:
    counts = Counter(outcome.verdict for outcome in outcomes)
    shares = [f"{100 * counts[verdict] / max(1, len(outcomes)):.1f}" for verdict in ("named", "other", "silent")]
    return [str(len(outcomes)), *shares]


if __name__ == "__main__":
    main()
