"""Whether the notebook says what the mark will be: the same submissions in a real IPython and through marking.

`python -m tests.marks.agreement` (make bench-agreement) tries all of them and prints the table.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context

from autograder.marking.grader import Grader
from autograder.submission.notebook import submission_from_notebook
from tests.marks.mixed import fitting, mixes, wrong_answers
from tests.marks.notebooks import exercise, solutions, variable
from tests.marks.shown import beside_the_notebook, shown
from tests.marks.ways import WAYS, Way, fits
from tests.warm import warm_grader

RIGHT = frozenset({"exact", "approximate"})
TICK = RIGHT | {"follow-through"}


@dataclass(frozen=True)
class Pair:
    """One step of one submission. marked, shown: the verdicts. wrong: whether it was made wrong on purpose."""

    way: str
    step: str
    marked: str
    shown: str
    wrong: bool
    code: str

    @property
    def agree(self) -> bool:
        """Whether both say the same; `exact` and `approximate` are one, since bits depend on the case."""
        return self.marked == self.shown or {self.marked, self.shown} <= RIGHT


def pairs(grader: Grader, ways: Sequence[Way], right: int, wrong: int) -> Iterator[Pair]:
    """Yield every step of so many right mixes and wrong answers, in each way.

    Left out is what raises in the notebook, where the forward pass has a graph: nothing below it is compared there.
    """
    for way in ways:
        for cells, changed in _answers(way, right, wrong):
            notebook = way.notebook(cells)
            here = shown(notebook)
            if here.raised:
                continue
            result = grader.grade("s", lambda notebook=notebook: submission_from_notebook(notebook, grader.exercise))
            for step in result.steps:
                code = " | ".join(text for cell, text in cells.items() if variable(cell) == step.name)
                found = here.verdicts.get(step.name, "none")
                yield Pair(way.name, step.name, str(step.verdict), found, step.name in changed, code)


def _answers(way: Way, right: int, wrong: int) -> Iterator[tuple[dict[str, str], set[str]]]:
    for cells in mixes()[:right]:
        # .numpy() of a tensor with a graph raises in the notebook.
        yield fitting(way, {c: solutions()[c] if "numpy()" in text else text for c, text in cells.items()}), set()
    for answer in wrong_answers()[:wrong]:
        used = {cell: code for cell, code in answer.items() if fits(way, cell, code)}
        yield solutions() | used, {variable(cell) for cell in used}


def _of_way(name: str, right: int, wrong: int) -> list[Pair]:
    """Try one way in a process of its own: there is one IPython a process."""
    warnings.simplefilter("ignore")
    ways = [way for way in WAYS if way.name == name]
    with warm_grader(exercise(), b"the secret of the ways", jobs=1) as grader, beside_the_notebook():
        return list(pairs(grader, ways, right, wrong))


def main() -> None:
    """Print every step on which the two disagree, as each way is done, and then the table."""
    right, wrong = (int(text) for text in sys.argv[1:] or ("60", "75"))
    names = [way.name for way in WAYS if way.name != "beside an endless cell"]
    found: list[Pair] = []
    # A process for each way: IPython takes the place of __main__.
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), max_tasks_per_child=1) as pool:
        for done in as_completed([pool.submit(_of_way, name, right, wrong) for name in names]):
            found += done.result()
            for pair in done.result():
                if not pair.agree:
                    print(pair, flush=True)
    for (marked, said), count in sorted(Counter((pair.marked, pair.shown) for pair in found).items()):
        print(f"{count:7d}  marked {marked:15s} shown {said}")
    same = sum(pair.agree for pair in found)
    print(f"{same} of {len(found)} steps agree ({same / len(found):.2%})")


if __name__ == "__main__":
    main()
