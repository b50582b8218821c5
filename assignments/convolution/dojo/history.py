"""The cells that were run in this notebook, in the order of their last runs, and how each of them ended.

IPython keeps the text of what was run. Which runs were of one cell and whether they raised is written down here from
the moment on that `dojo` is imported.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Cell:
    """A cell as it was run last.

    number: of its last run, as in `In [7]`. source: its text as written. error: what it raised there, in one line.
    runs: the numbers of all its runs that are known, this one included.
    """

    number: int
    source: str
    error: str | None = None
    runs: tuple[int, ...] = ()

    @property
    def called(self) -> str:
        """A name for people: its number and how it begins."""
        lines = [line for line in self.source.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        first = lines[0].strip() if lines else ""
        return f"cell [{self.number}] (`{first if len(first) <= 40 else first[:37] + '...'}`)"


def one_line(error: BaseException) -> str:
    """Return an exception as one line; a student's own may not even have a text."""
    try:
        text = str(error)
    except Exception:
        text = ""
    return f"{type(error).__name__}: {text}".partition("\n")[0][:200]


@dataclass
class _Watch:
    """What is written down of one shell: by number of a run, the id of its cell, and its error."""

    shell: Any
    ids: dict[int, str] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    running: str | None = None

    def before(self, info: Any) -> None:
        """Note which cell begins to run."""
        self.running = str(info.cell_id) if getattr(info, "cell_id", None) else None

    def after(self, result: Any) -> None:
        """Note how it ended."""
        running, self.running = self.running, None
        # No cell: what the program that shows the notebook runs for itself, or one interrupted before its first line.
        if result is None or result.execution_count is None:
            return
        number = len(texts_of(self.shell)) - 1  # versions of IPython count differently while a cell runs
        if running is not None:
            self.ids[number] = running
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            self.errors[number] = one_line(error)


_watch: _Watch | None = None


def watch() -> None:
    """Begin to write down what is run in the shell that this runs in. Does nothing outside IPython, or again."""
    global _watch
    shell = running_shell()
    if shell is None or (_watch is not None and _watch.shell is shell):
        return
    if not shell.history_manager.enabled:
        return  # no text is kept, so there is nothing to try: a program runs cells here, such as the grader
    _watch = _Watch(shell)
    shell.events.register("pre_run_cell", _watch.before)
    shell.events.register("post_run_cell", _watch.after)


def running_shell() -> Any:
    """Return IPython's shell that this runs in; None outside IPython."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    return get_ipython()


def texts_of(shell: Any) -> list[str]:
    """Return the text of every run, by its number; "" for what is no text."""
    return [text if isinstance(text, str) else "" for text in shell.history_manager.input_hist_raw]


def cells_of(shell: Any) -> tuple[Cell, ...]:
    """Return the cells that have been run, each as it was run last; the one that is running now is the last of them."""
    noted = _watch if _watch is not None and _watch.shell is shell else _Watch(shell)
    texts = texts_of(shell)
    ids = dict(noted.ids)
    if noted.running is not None:
        ids[len(texts) - 1] = noted.running
    # Where the program that shows the notebook tells no ids, or before this was imported, a cell is known by its text.
    by_text = {texts[number].strip(): name for number, name in ids.items() if number < len(texts)}
    runs: dict[str, list[int]] = {}
    for number, source in enumerate(texts):
        if source.strip():
            runs.setdefault(ids.get(number) or by_text.get(source.strip(), source.strip()), []).append(number)
    for each in runs.values():
        # A run that raised, and was repeated, came too early: it says nothing of where the cell stands.
        each[:-1] = [number for number in each[:-1] if number not in noted.errors]
    cells = [Cell(each[-1], texts[each[-1]], noted.errors.get(each[-1]), tuple(each)) for each in runs.values()]
    return tuple(sorted(cells, key=lambda cell: cell.number))
