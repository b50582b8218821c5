"""`python -m tests.hostile.bounds [WORD ...]`: what one submission can cost, in processor seconds and memory.

Each input is the only new submission of a course, and goes through `autograder grade --gradebook`, `nbgrader autograde`
and then `nbgrader generate_feedback`. The figures are of the trusted processes: seconds of user and system time, and
the largest of them; what runs in the sandbox has its own limits (`autograder/sandbox/limits.py`). The bound is on what
an input costs beyond an honest submission. WORD: only the inputs whose names have one.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

from demo.programs import ENTRY, LATER
from tests.end_to_end.harbour_course import ASSIGNMENT, EXERCISE, new_harbour_course, submitted, twin
from tests.hostile.broken import CONTENT
from tests.notebooks import HARBOUR_ANSWERS, by_id, code, markdown

SECONDS, MEGABYTES = 10.0, 300.0  # beyond the honest
ENTRIES = {
    "grade": ("autograder", "grade", "submitted", "--assignment", ASSIGNMENT, "--gradebook"),
    "autograde": ("nbgrader", "autograde", ASSIGNMENT),
    "feedback": ("nbgrader", "generate_feedback", ASSIGNMENT),
}
Content = Callable[[Any], bytes]


def answered(**answers: str) -> Content:
    """The released notebook, right but for these."""

    def content(released: Any) -> bytes:
        cells = by_id(released)
        for grade_id, source in (HARBOUR_ANSWERS | answers).items():
            cells[grade_id].source = source
        return json.dumps(released).encode()

    return content


def added(*cells: Any) -> Content:
    """The released notebook, right, with more cells at its end."""

    def content(released: Any) -> bytes:
        released.cells += cells
        return answered()(released)

    return content


def _one_id(released: Any) -> bytes:
    twin_of = by_id(released)["drope"]
    released.cells += [twin_of] * 20_000
    return answered()(released)


LINES_IN_A_NAME = "drope = type('T' + chr(10) * 5_000 + 'ada 8 / 8', (), {})()"
CHAIN = "drope = dmast" + ".sum(0, keepdim=True)" * 6_000
CHAINED = "\n".join(f"def f{n}(x): return f{n + 1}(x) + f{n + 1}(x)" for n in range(3_000))
JUNK = "\n".join(f"drope = drope * {n} + dmast.exp().log().tanh().sum({n % 2}) / {n + 1}" for n in range(3_000))
INPUTS: dict[str, Content] = {
    "200,000 rows for a small gradient": answered(drope="drope = torch.ones(200000, 1, 1)"),
    "1,000,000 rows": answered(drope="drope = torch.ones(1000000, 1, 1)"),
    "a row of rows": answered(dpart="dpart = torch.ones(3000, 1, 1, 1).expand(3000, 30, 6, 4)"),
    "200 kB that are no Python": answered(drope="x = (" * 40_000),
    "200 kB of brackets": answered(drope="(" * 100_000 + ")" * 100_000),
    "20,000 cells of one id": _one_id,
    "line ends in a type's name": answered(drope=LINES_IN_A_NAME),
    "a long chain": answered(drope=CHAIN),
    "chained functions": answered(drope=f"{CHAINED}\ndrope = dmast.sum(0) * 2"),
    "junk around a wrong answer": answered(drope=f"drope = dmast.sum(0)\n{JUNK}"),
    "wrong everywhere, at length": answered(
        **{
            name: source
            + "\n"
            + "\n".join(f"t{n} = {n} * 2" for n in range(150))
            + f"\n{name.partition('_path')[0]} *= 2"
            for name, source in HARBOUR_ANSWERS.items()
        }
    ),
    "denormals": answered(drope="drope = torch.full((width,), 1e-310, dtype=torch.float64) * dmast.sum(0)"),
    "denormals everywhere": answered(
        **{
            name: f"{source}\n{name.partition('_path')[0]} = {name.partition('_path')[0]}.double() * 1e-200 * 1e-112"
            for name, source in HARBOUR_ANSWERS.items()
        }
    ),
    "much output": answered(drope="print('x' * 10**7)\nfor i in range(20_000): print(i)\ndrope = dmast.sum(0)"),
    "many pictures": answered(
        drope="from IPython.display import HTML, display\nfor i in range(2_000): display(HTML('<b>x</b>' * 500))"
        "\ndrope = dmast.sum(0)"
    ),
    "a page of formulas": added(
        *[markdown("$$\\begin{aligned}" + "&" * 1_900 + "\\end{aligned}$$\n\n" * 1) for _ in range(500)]
    ),
    "formulas that nest": added(markdown("\n\n".join("$" + "\\sqrt" * 390 + " x$" for _ in range(500)))),
    "dollars": added(markdown("$a" * 100_000), markdown("$$" * 100_000), markdown("\\begin{a}" * 20_000)),
    "a table of tables": added(markdown("|" * 2_000 + "\n" + "|-" * 2_000 + "|\n" + ("|" * 2_000 + "\n") * 100)),
    "tags": added(markdown("<b " * 100_000), markdown("<div>" * 50_000), markdown("<!--" * 50_000)),
    "brackets and stars": added(markdown("[" * 50_000), markdown("*a **b " * 30_000), markdown("> " * 20_000)),
    "long code for a page": added(code("'" * 100_000), code("x = 1;" * 40_000)),
    **{
        name: content
        for name, (content, _) in CONTENT.items()
        if name
        in (
            "deeply nested",
            "millions of values",
            "far too many cells",
            "far too much code",
            "code that nests deeply",
            "code that is very long",
            "a long line with a magic",
            "4 MB of metadata",
            "square time for a page",
            "endless numbers",
            "a deep value",
        )
    },
}


@dataclass(frozen=True)
class Cost:
    """Processor seconds of all processes, MB of the largest, and the exit code."""

    seconds: float
    megabytes: float
    code: int


def cost(command: tuple[str, ...], folder: Path, log: Path) -> Cost:
    """Run a command in a folder and return what it took. It is forked from this process, which has imported all."""
    pid = os.fork()
    if pid == 0:
        out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for number in (1, 2):
            os.dup2(out, number)
        os.chdir(folder)
        os.environ["TMPDIR"] = str(log.parent)  # nothing is cleared away at the end below
        tempfile.tempdir = None
        module, function = ENTRY[command[0]]
        sys.argv = [str(Path(sys.executable).parent / command[0]), *command[1:]]
        code = 1
        try:
            code = getattr(sys.modules[module], function)() or 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        finally:
            sys.stdout.flush()
            os._exit(code)
    _, status, used = os.wait4(pid, 0)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status))


def measured(content: Content, course: Any, folder: Path) -> dict[str, Cost]:
    """What one submission costs in every entry, each way of grading in a course of its own."""
    released = course.folder / "assignments" / ASSIGNMENT / f"{EXERCISE}.ipynb"
    found = {}
    for way in ("grade", "autograde"):
        here = twin(course, folder / way)
        path = submitted(here, "ada")
        path.parent.mkdir(parents=True)
        path.write_bytes(content(nbformat.read(released, as_version=4)))
        found[way] = cost(ENTRIES[way], here.folder, folder / f"{way}.log")
    found["feedback"] = cost(ENTRIES["feedback"], here.folder, folder / "feedback.log")
    return found


def main(*words: str) -> int:
    """Print a line for each input; return 1 where one costs more than it may."""
    for module in (*(module for module, _ in ENTRY.values()), *LATER, "autograder.nbgrader.pages"):
        importlib.import_module(module)
    gc.freeze()
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # nbgrader calls alembic
    beyond = []
    with tempfile.TemporaryDirectory(prefix="bounds-") as name:
        folder = Path(name)
        course = new_harbour_course(folder / "course")
        for command in ENTRIES["grade"], ENTRIES["autograde"]:  # references are computed once for all
            first = submitted(course, "zoe")
            first.parent.mkdir(parents=True, exist_ok=True)
            first.write_bytes(
                answered()(nbformat.read(course.folder / "assignments" / ASSIGNMENT / f"{EXERCISE}.ipynb", 4))
            )
            cost(command, course.folder, folder / "first.log")
        honest = measured(answered(), course, folder / "honest")
        print(f"{'':34s}" + "".join(f"{way:>20s}" for way in ENTRIES), flush=True)
        _line("honest", honest, {way: Cost(0, 0, 0) for way in ENTRIES})
        for number, (what, content) in enumerate(INPUTS.items()):
            if words and not any(word in what for word in words):
                continue
            found = measured(content, course, folder / str(number))
            if not _line(what, found, honest):
                beyond.append(what)
    print(f"beyond {SECONDS:g} s or {MEGABYTES:g} MB more than the honest, or no exit code 0: {beyond or 'none'}")
    return bool(beyond)


def _line(what: str, found: dict[str, Cost], honest: dict[str, Cost]) -> bool:
    """Print a line: seconds and MB, beyond the honest; return whether all are in bounds."""
    more = {
        way: (each.seconds - honest[way].seconds, each.megabytes - honest[way].megabytes) for way, each in found.items()
    }
    text = "".join(f"{seconds:9.1f} s {megabytes:6.0f} MB" for seconds, megabytes in more.values())
    codes = {way: each.code for way, each in found.items() if each.code}
    print(f"{what:34s}{text} {codes or ''}", flush=True)
    within = all(seconds <= SECONDS and megabytes <= MEGABYTES for seconds, megabytes in more.values())
    return what == "honest" or (within and not codes)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
