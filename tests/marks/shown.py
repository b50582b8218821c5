"""What the notebook says of a submission: its cells in a real IPython, with what students get beside it."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from IPython.core.interactiveshell import InteractiveShell

from autograder.exercise.notebook import nbgrader_info
from tests.marks.notebooks import ROOT

RELEASED = ROOT / "assignments" / "backprop"


@dataclass(frozen=True)
class Shown:
    """verdicts: by d-variable, in marking's words. said: what its check line printed. raised: by cells, in words."""

    verdicts: dict[str, str]
    said: dict[str, str]
    raised: tuple[str, ...]


@contextlib.contextmanager
def beside_the_notebook() -> Iterator[None]:
    """In the folder of the released notebooks, with their `dojo`."""
    sys.path.insert(0, str(RELEASED))
    try:
        with contextlib.chdir(RELEASED):
            yield
    finally:
        sys.path.remove(str(RELEASED))


def shown(notebook: Any, skip: str = "while True") -> Shown:
    """Run a notebook's code cells from the top, and return what it says. skip: cells with this text never end."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()
    shell.showtraceback = lambda *args, **kwargs: None
    import dojo.history

    dojo.history.watch()  # as importing dojo does; only the first notebook of this process imports it anew
    said: dict[str, str] = {}
    raised: list[str] = []
    try:
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type != "code" or skip in cell.source:
                continue
            printed = io.StringIO()
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                done = shell.run_cell(cell.source, store_history=True, cell_id=f"cell-{number}")
            if not done.success:
                raised.append(f"{cell.source[:60]!r}: {done.error_before_exec or done.error_in_exec}")
            grade_id = nbgrader_info(cell).get("grade_id", "")
            if grade_id.startswith("cmp_"):
                said[grade_id.removeprefix("cmp_")] = printed.getvalue()
        return Shown({result.name: result.verdict for result in dojo.results()}, said, tuple(raised))
    finally:
        InteractiveShell.clear_instance()
