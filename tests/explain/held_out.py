"""`python -m tests.explain.held_out`: the sentences on wrong answers that were written without knowing the explainer.

The answers of mistakes.py were written beside the explainer, so its figures flatter. Those of held_out.txt were
written from the notebooks alone, as students write them. Keep it so: whoever improves the explainer changes none; at
most, a cause gets the name of a new kind that says the same. Only the explainer is asked: what is said
without it (a plain difference of shape, code that raises) has no line. Many common mistakes are in both sets; the rows
"only new" count those whose numbers no answer of mistakes.py gives.

held_out.txt has a part for each exercise, and a line for each answer: cell | true causes | words | code. All the words
must be in the sentence; "/" between words is "or". Code that begins with "=" is assigned to the cell's d-variable, and
\\n in it begins a new line.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from autograder.dojo.explain.sentences import Explanation
from autograder.sandbox.host.received import Value
from tests.explain.mistakes import mistakes
from tests.explain.networks import NAMES, network, run

FILE = Path(__file__).with_suffix(".txt")


@dataclass(frozen=True)
class Answer:
    """cell: the solution cell that holds code, and no other cell differs. kinds: the true causes."""

    network: str
    cell: str
    kinds: frozenset[str]
    words: tuple[tuple[str, ...], ...]
    code: str

    @property
    def name(self) -> str:
        """The d-variable."""
        return self.cell.partition("_path")[0]

    def said(self, where: str) -> Explanation | None:
        """What is said of it. where: "marked" (hidden cases) or "shown" (in the notebook)."""
        say = getattr(network(self.network), where)
        found: Explanation | None = say({self.cell: self.code}, self.name)
        return found

    def value(self) -> Value:
        """What the d-variable holds, on a hidden case of other sizes."""
        return _value(self.network, ((self.cell, self.code),), self.name)

    def verdict(self, said: Explanation | None) -> str:
        """named, other or silent."""
        if said is None:
            return "silent"
        sentence = re.sub(r"`[^`]*;[^`]*`", "", said.sentence)  # quoting many lines at once names none of them
        worded = all(any(word in sentence for word in either) for either in self.words)
        return "named" if said.kind in self.kinds and worded else "other"


def _value(exercise: str, cells: tuple[tuple[str, str], ...], name: str) -> Value:
    reference = network(exercise).references.hidden[-1]
    return run(reference, reference.known.upstream, network(exercise).cells(dict(cells), name), name)


def is_new(answer: Answer) -> bool:
    """Whether no answer of mistakes.py gives the same numbers."""
    mine = answer.value().tensor
    for mistake in mistakes(answer.network):
        if mistake.name != answer.name:
            continue
        other = _value(answer.network, mistake.cells, mistake.name).tensor
        if mine is None or other is None or mine.shape != other.shape:
            continue
        if torch.allclose(mine.double(), other.double(), rtol=1e-8, atol=1e-12, equal_nan=True):
            return False
    return True


def held_out() -> list[Answer]:
    """The answers of held_out.txt."""
    found, exercise = [], ""
    for line in filter(None, FILE.read_text().splitlines()):
        if line.startswith("["):
            exercise = line.strip("[]")
            continue
        cell, kinds, words, code = (part.strip() for part in line.split("|"))
        code = code.replace("\\n", "\n")
        if code.startswith("="):
            code = f"{cell.partition('_path')[0]} {code}"
        either = tuple(tuple(word.split("/")) for word in words.split())
        found.append(Answer(exercise, cell, frozenset(kinds.split()), either, code))
    return found


def main() -> None:
    """Print the table, and every answer that is not named."""
    table = Table(title="what the sentence says of a held-out wrong answer, of 100", title_justify="left")
    for column in ("exercise", "where", "answers", "true cause", "another", "none"):
        table.add_column(column, justify="left" if column in ("exercise", "where") else "right", no_wrap=True)
    every: dict[str, list[str]] = {"marked": [], "shown": []}
    new: list[str] = []
    missed = []
    for exercise in NAMES:
        answers = [answer for answer in held_out() if answer.network == exercise]
        for where, verdicts in every.items():
            here, unlike = [], []
            for answer in answers:
                # What cmp calls right there (a gradient that is zero, say) gets no sentence.
                if where == "shown" and network(exercise).looks_right({answer.cell: answer.code}, answer.name):
                    continue
                said = answer.said(where)
                here.append(answer.verdict(said))
                if where == "marked" and is_new(answer):
                    unlike.append(here[-1])
                if here[-1] != "named":
                    missed.append((where, here[-1], answer, said))
            table.add_row(exercise, where, *_row(here))
            verdicts.extend(here)
            if where == "marked":
                table.add_row(exercise, "  only new", *_row(unlike), style="dim")
                new.extend(unlike)
    for where, verdicts in every.items():
        table.add_row("all", where, *_row(verdicts), style="bold")
    table.add_row("all", "  only new", *_row(new), style="dim")
    Console().print(table)
    for where, verdict, answer, said in missed:
        label = " or ".join(sorted(answer.kinds)) + "".join(f", {'/'.join(either)}" for either in answer.words)
        print(f"{where} {verdict} {answer.network} {answer.cell}: {answer.code!r}")
        print(f"    is {label}; said {f'{said.kind}: {said.sentence}' if said else 'nothing'}")


def _row(verdicts: list[str]) -> list[str]:
    counts = Counter(verdicts)
    shares = [f"{100 * counts[verdict] / max(1, len(verdicts)):.1f}" for verdict in ("named", "other", "silent")]
    return [str(len(verdicts)), *shares]


if __name__ == "__main__":
    main()
