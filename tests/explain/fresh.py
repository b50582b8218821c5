"""`python -m tests.explain.fresh [NETWORK ...]`: the sentences on twelve more sets of wrong answers.

The networks and answers of fresh.json were written, set by set, before any sentence on them was seen; the explainer was
mended after each set, so what it says of them now flatters. An answer has the cell that holds its code, the cause in a
few words, and `accept`, a pattern for the words of which a true sentence has one.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder.marking.reasons import Explainer
from autograder.reference.compute import compute_references
from tests.explain.networks import COURSE, Network, made, network

FILE = Path(__file__).with_suffix(".json")
WRITTEN = json.loads(FILE.read_text())


@dataclass(frozen=True)
class Answer:
    """A wrong answer: the solution cell that holds code; cause: what is wrong; accept: words of a true sentence."""

    network: str
    cell: str
    code: str
    cause: str
    accept: str

    def said(self) -> str:
        """What marking says of it; "" where that is nothing."""
        found = network_of(self.network).marked({self.cell: self.code}, self.cell.partition("_path")[0])
        return "" if found is None else found.sentence

    def verdict(self, said: str) -> str:
        """named, other or silent."""
        if not said:
            return "silent"
        return "named" if re.search(self.accept, said, re.IGNORECASE) else "other"


@functools.cache
def network_of(name: str) -> Network:
    """One of the networks of fresh.json, or an exercise of the course."""
    if name in COURSE:
        return network(name)
    text = WRITTEN["networks"][name]
    exercise = made(name, text, text["parameters"])
    references = compute_references(exercise, b"the secret of the explanations")
    return Network(name, exercise, references, Explainer(exercise, references), text["answers"])


def answers(*names: str) -> list[Answer]:
    """The answers to these networks, by default to all."""
    found = [Answer(**each) for each in WRITTEN["answers"]]
    return [answer for answer in found if not names or answer.network in names]


def main(*names: str) -> None:
    """Print the table, and every answer whose cause is not named."""
    table = Table(title="what marking says of a fresh wrong answer", title_justify="left")
    for column in ("network", "answers", "true cause", "another", "none"):
        table.add_column(column, justify="left" if column == "network" else "right")
    total: Counter[str] = Counter()
    missed = []
    for name in dict.fromkeys(answer.network for answer in answers(*names)):
        counts: Counter[str] = Counter()
        for answer in answers(name):
            said = answer.said()
            counts[answer.verdict(said)] += 1
            missed += [(answer, said)] if answer.verdict(said) != "named" else []
        table.add_row(name, str(counts.total()), *(str(counts[v]) for v in ("named", "other", "silent")))
        total += counts
    table.add_row("all", str(total.total()), *(str(total[v]) for v in ("named", "other", "silent")), style="bold")
    Console().print(table)
    for answer, said in missed:
        print(f"{answer.network} {answer.cell}: {answer.code!r}\n    is {answer.cause}; said {said or 'nothing'}")


if __name__ == "__main__":
    main(*sys.argv[1:])
