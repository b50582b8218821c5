"""Take cells that make several d-variables apart into statements, and tell which statement makes which.

A student may write the whole backward pass in one cell. Step by step, every d-variable must be replaced once
it is there, before the next line uses it; so such a cell is run statement by statement.
"""

from __future__ import annotations

import ast
import functools
import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from autograder.dojo.trial.code import KEPT, defined_names, names_read, parsed
from autograder.dojo.trial.statement import WATCHING, makes, unfolded
from autograder.sandbox.messages import ScriptCell
from autograder.submission.notebook import Submission


@dataclass(frozen=True)
class Apart:
    """A submission with some of its cells taken apart.

    submission: the same with one script cell for each statement of those; they have indices after the notebook's end.
    cells: by script cell, the cell index that it comes from. moved: d-variables that are recorded earlier than
    before. makers: by d-variable, the script cells that assign it or change it in place.
    """

    submission: Submission
    cells: Mapping[int, int]
    moved: frozenset[str]
    makers: Mapping[str, tuple[int, ...]]

    @functools.cached_property
    def sources(self) -> dict[int, str]:
        """The code by script cell."""
        return {cell.index: cell.source for cell in self.submission.script}

    @functools.cached_property
    def order(self) -> dict[int, int]:
        """When each script cell runs: its number in the script, by its index."""
        return {cell.index: number for number, cell in enumerate(self.submission.script)}

    @functools.cached_property
    def recorded(self) -> dict[str, int]:
        """By d-variable, the number in the script of the cell after which it is recorded."""
        return {name: self.order[cell.index] for cell in self.submission.script for name in cell.records}

    @functools.cached_property
    def in_order(self) -> dict[int, str]:
        """The code by number in the script."""
        return {self.order[index]: source for index, source in self.sources.items()}

    def numbers(self, indices: Iterable[int]) -> list[int]:
        """Return the numbers in the script of those of these cells that it has."""
        return [self.order[index] for index in indices if index in self.order]

    @functools.cached_property
    def mixed(self) -> frozenset[str]:
        """The d-variables that statements do not tell apart: made by one with others, or by none that can be seen."""
        made = [set(names) for names in self._made().values()]
        together = {name for names in made if len(names) > 1 for name in names}
        return frozenset(together | {name for name in self.submission.sources if not self.makers.get(name)})

    def code_of(self, name: str) -> tuple[int, ...]:
        """Return the script cells that make a d-variable; all of them where none can be seen to."""
        return self.makers[name] or tuple(self.sources)

    def leans(self, name: str) -> bool:
        """Return whether a step's code uses what other cells made, under other names than those of d-variables.

        Such a name may hold an earlier gradient, which then is not replaced with the d-variable.
        """
        own = self.makers[name]
        read = frozenset().union(*(names_read(self.sources[index]) for index in own)) - self.submission.sources.keys()
        return any(read & defined_names(source) for index, source in self.sources.items() if index not in own)

    def _made(self) -> dict[int, list[str]]:
        made: dict[int, list[str]] = {}
        for name, makers in self.makers.items():
            for maker in makers:
                made.setdefault(maker, []).append(name)
        return made


def taken_apart(submission: Submission, raised: Collection[int] = ()) -> Apart:
    """Take apart the cells that make more than one d-variable; what a cell not its own makes is recorded there.

    raised: indices of other cells to take apart, so that what comes behind a line that raises is run.
    """
    marked = submission.sources
    names_marked = frozenset(marked)
    made_by = {cell.index: _made_by(cell.source, names_marked) for cell in submission.script}
    recorded = {name: cell.index for cell in submission.script for name in cell.records if name in marked}
    # For each d-variable the last statement that makes it, of those that run before it is recorded.
    last: dict[str, tuple[int, int]] = {}
    for index, made in made_by.items():
        for number, names in enumerate(made):
            last |= {name: (index, number) for name in names if index <= recorded[name]}
    crowded = {index for index, _ in last.values() if len({n for n, (i, _) in last.items() if i == index}) > 1}
    crowded |= {index for index in raised if len(made_by.get(index, ())) > 1}
    statements = {cell.index: list(_statements(cell.source)) for cell in submission.script if cell.index in crowded}
    # In its own cells a step is complete when the last of them has run, and what happens to it there is its own.
    elsewhere = {name: index for name, (index, _) in last.items() if index not in submission.indices[name]}
    early = {name: index for name, index in elsewhere.items() if index not in crowded and index < recorded[name]}
    moved = frozenset(name for name, (index, _) in last.items() if index in crowded or name in early)
    unmade = _first_uses(statements, crowded, {name: cell for name, cell in recorded.items() if name not in last})
    numbers = itertools.count(1 + max(made_by))
    script: list[ScriptCell] = []
    cells: dict[int, int] = {}
    makers: dict[str, list[int]] = {name: [] for name in submission.sources}
    nothing: set[str] = set()

    def add(cell: ScriptCell, source: int, made: Collection[str]) -> None:
        script.append(cell)
        cells[cell.index] = source
        for name in made:
            makers[name].append(cell.index)

    for cell in submission.script:
        kept = tuple(name for name in cell.records if name not in moved and name not in unmade)
        if cell.index not in crowded:
            due = tuple(name for name, index in early.items() if index == cell.index)
            add(replace(cell, records=kept + due), cell.index, nothing.union(*made_by[cell.index]))
            continue
        for number, (node, names) in enumerate(zip(statements[cell.index], made_by[cell.index], strict=True)):
            if missing := tuple(name for name, place in unmade.items() if place == (cell.index, number)):
                add(ScriptCell(next(numbers), "", missing), cell.index, ())
            due = tuple(name for name in moved if last[name] == (cell.index, number))
            add(ScriptCell(next(numbers), ast.unparse(node), due), cell.index, names)
        add(ScriptCell(cell.index, "", kept), cell.index, ())
    apart = replace(submission, script=tuple(script))
    return Apart(apart, cells, moved, {name: tuple(indices) for name, indices in makers.items()})


def _first_uses(
    statements: Mapping[int, list[ast.stmt]], crowded: Collection[int], recorded: Mapping[str, int]
) -> dict[str, tuple[int, int]]:
    """Return where d-variables that nothing makes are first read in these cells, as (cell index, statement number).

    There they are recorded, so that step by step what is made from them is not lost with them. recorded: the cell index
    after which each would be recorded otherwise.
    """
    found: dict[str, tuple[int, int]] = {}
    for index in sorted(crowded):
        for number, node in enumerate(statements[index]):
            read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
            for name in read & recorded.keys() - found.keys():
                if index <= recorded[name]:
                    found[name] = index, number
    return found


@functools.lru_cache(maxsize=KEPT)  # a class has many cells that are alike
def _made_by(source: str, names: frozenset[str]) -> tuple[frozenset[str], ...]:
    """Return which of the d-variables each statement of a cell makes."""
    return tuple(frozenset(makes(node, names)) for node in _statements(source))


def _statements(source: str) -> Iterator[ast.stmt]:
    """Yield the cell's statements, those of a block each in a block of its own; none where it is not Python."""
    first, _, rest = source.partition("\n")
    if first.startswith(WATCHING):
        source = rest
    elif first.startswith("%%"):
        return
    tree = parsed(source)
    for node in tree.body if tree is not None else ():
        yield from unfolded(node)
