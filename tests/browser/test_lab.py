"""As a new student would: every released notebook in real JupyterLab, in a real browser.

With SCREENSHOTS set to a folder, pictures of the wrong, the right and the progress view are left there, on the screen
and as printed.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.author.alone import write_alone
from autograder.exercise.notebook import Exercise, Step, nbgrader_info, read_exercise
from tests.browser.conftest import CHROMIUM
from tests.browser.lab import Lab, Notebook, jupyter_lab
from tests.browser.legible import faults, screens_before
from tests.conftest import ROOT

RELEASED = ROOT / "assignments" / "backprop"
SOLUTIONS = sorted((ROOT / "solutions").glob("*/*.ipynb"))


@dataclass(frozen=True)
class Mistake:
    """A slip in the right answer of a step: `good`, which is there once, turned to `bad`; and what is said of it."""

    label: str
    good: str
    bad: str
    reason: str

    @property
    def said(self) -> str:
        """The pattern of the reason."""
        return wrapped(self.reason)


def wrapped(text: str) -> str:
    """The pattern of a sentence, which may go over several lines."""
    return re.sub(r"(\\ )+", r"[\\s|]+", re.escape(text))


MISTAKES = {
    "1_manual_backprop": Mistake(
        "probs", "/ probs", "* probs", "this is multiplied by `probs`, where it must be divided"
    ),
    "2_cross_entropy": Mistake("logits", "dlogits /= n", "", "too large by the factor n"),
    "3_batchnorm": Mistake("hprebn", "bnvar_inv / n *", "bnvar_inv *", "too large by the factor n"),
    "4_training": Mistake("h", "dlogits @", "-dlogits @", "the sign is wrong"),
}

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine; apt-get install chromium"),
]


@pytest.fixture(scope="module", name="lab")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with jupyter_lab(tmp_path_factory.mktemp("lab")) as lab:
        yield lab


@contextlib.contextmanager
def opened(
    browser: Any, lab: Lab, name: str, theme: str, pictures: Path, source: Path = RELEASED, alone: bool = False
) -> Iterator[Notebook]:
    """The notebook, in a fresh folder and a fresh page; a picture of how it looked when something failed.

    source: the folder it comes from. alone: without what lies beside it there.
    """
    work = lab.folder / f"{name}-{theme.split()[-1].lower()}-{len(list(lab.folder.iterdir()))}"
    if alone:
        work.mkdir()
        shutil.copy(source / f"{name}.ipynb", work)
    else:
        shutil.copytree(source, work, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    lab.trust(work / f"{name}.ipynb")
    lab.set_theme(theme)
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    try:
        yield Notebook(page, lab, work / f"{name}.ipynb")
    except (Exception, pytest.fail.Exception):
        page.screenshot(path=pictures / "failed.png")
        print(f"how it looked: {pictures / 'failed.png'}")
        raise
    finally:
        page.close()
        lab.end_kernels()


def answer(exercise: Exercise, grade_id: str) -> str:
    """What the solution has in this cell."""
    lines = exercise.cells[grade_id].source.splitlines()
    return "\n".join(line for line in lines if not line.startswith("### "))


def line(step: Step, right: bool) -> str:
    """The first line below a check, which anything else follows."""
    exact = "(True |False)" if right else "False"
    return rf"^{step.label} *\| exact: {exact} \| approximate: {right!s:5s} \| maxdiff: "


def picture(notebook: Notebook, at: int, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        for media in ("screen", "print"):
            notebook.page.emulate_media(media=media)
            notebook.cell(at).screenshot(path=Path(folder) / f"{name}-{media}.png")
        notebook.page.emulate_media(media="screen")


@pytest.mark.parametrize(
    ("name", "theme"),
    [*((name, "JupyterLab Light") for name in sorted(MISTAKES)), ("1_manual_backprop", "JupyterLab Dark")],
)
def test_a_step_is_to_do_then_wrong_then_right(browser: Any, lab: Lab, name: str, theme: str, tmp_path: Path) -> None:
    exercise = read_exercise(ROOT / "solutions" / "backprop" / f"{name}.ipynb")
    cells = nbformat.read(RELEASED / f"{name}.ipynb", as_version=4).cells
    code = {at for at, cell in enumerate(cells) if cell.cell_type == "code"}
    places = {nbgrader_info(cell)["grade_id"]: at for at, cell in enumerate(cells) if nbgrader_info(cell)}
    mistake = MISTAKES[name]
    upstream = exercise.gradients[: [step.label for step in exercise.gradients].index(mistake.label)]
    step = exercise.gradients[len(upstream)]
    (own,), check = step.solutions, places[step.check]
    right = answer(exercise, own)
    assert right.count(mistake.good) == 1
    left = len(exercise.gradients) - len(upstream) - 1
    with opened(browser, lab, name, theme, tmp_path) as notebook:
        shade = "light" if theme.endswith("Light") else "dark"
        assert notebook.page.locator(f"body[data-jp-theme-name='{theme}']").count() == 1

        notebook.run_all(code)
        assert notebook.errors() == []
        for todo in exercise.gradients:
            notebook.sees(places[todo.check], line(todo, right=False) + r".*\n.*still to do")

        for done in upstream:
            for grade_id in done.solutions:
                notebook.write(places[grade_id], answer(exercise, grade_id))
                notebook.run(places[grade_id])
            notebook.run(places[done.check])
            notebook.sees(places[done.check], line(done, right=True))
            notebook.sees(places[done.check], "✓ right")

        notebook.write(places[own], right.replace(mistake.good, mistake.bad))
        notebook.run(places[own])
        notebook.run(check)
        notebook.sees(check, line(step, right=False))
        notebook.sees(check, mistake.said)
        notebook.sees(check, r"\d+ of \d+ elements are off")
        assert "✓ right" not in notebook.output(check)
        assert notebook.cell(check).locator("svg[role=img]").is_visible()
        picture(notebook, check, f"{name}-wrong-{shade}")

        strip = notebook.add("from dojo import progress\nprogress()")
        notebook.run(strip)
        notebook.sees(strip, f"✓ {len(upstream)} right, ✗ 1 wrong, · {left} to do")
        notebook.sees(strip, mistake.said)
        assert notebook.cell(strip).locator("svg[role=img]").is_visible()
        picture(notebook, strip, f"{name}-progress-{shade}")

        notebook.write(places[own], right)
        notebook.run(places[own])
        notebook.run(check)
        notebook.sees(check, line(step, right=True))
        notebook.sees(check, "✓ right")
        picture(notebook, check, f"{name}-right-{shade}")
        notebook.run(strip)
        notebook.sees(strip, f"✓ {len(upstream) + 1} right, · {left} to do")
        assert notebook.errors() == []


@pytest.mark.parametrize(("theme", "width"), [("JupyterLab Light", 1400), ("JupyterLab Dark", 1000)])
def test_what_is_shown_is_what_will_be_marked(browser: Any, lab: Lab, theme: str, width: int, tmp_path: Path) -> None:
    name = "1_manual_backprop"
    exercise = read_exercise(ROOT / "solutions" / "backprop" / f"{name}.ipynb")
    cells = nbformat.read(RELEASED / f"{name}.ipynb", as_version=4).cells
    code = {at for at, cell in enumerate(cells) if cell.cell_type == "code"}
    places = {nbgrader_info(cell)["grade_id"]: at for at, cell in enumerate(cells) if nbgrader_info(cell)}
    with opened(browser, lab, name, theme, tmp_path) as notebook:
        notebook.page.set_viewport_size({"width": width, "height": 1000})
        notebook.run_all(code)

        def write(grade_id: str, source: str | None = None) -> None:
            notebook.write(places[grade_id], answer(exercise, grade_id) if source is None else source)
            notebook.run(places[grade_id])

        def check(step: str, said: str, picture_name: str = "") -> None:
            notebook.run(places[f"cmp_{step}"])
            notebook.sees(places[f"cmp_{step}"], said)
            if picture_name:
                picture(notebook, places[f"cmp_{step}"], f"{picture_name}-{width}")

        for grade_id in ("dlogprobs", "dprobs", "dcounts_sum_inv", "dcounts_path1", "dcounts_sum"):
            write(grade_id)
        check("dcounts_path1", "✓ right; one path of several", "path")
        write("dcounts_path1", "dcounts = dprobs + counts_sum_inv")
        check("dcounts_path1", r"[1-9]\d* of 864 elements are off", "path-wrong")
        write("dcounts_path1")
        write("dcounts_path2")
        check("dcounts_path1", wrapped("added to `dcounts`: run"), "path-late")
        check("dlogprobs", "✓ right; 1 of 26 steps, 1 of 26 points", "right")
        write("dcounts_path2")  # once more
        check("dcounts", wrapped("was run 2 times and added to `dcounts` each time"), "twice")
        write("dcounts_path1")
        write("dcounts_path2")
        check("dcounts", "✓ right")
        write("dprobs", "dprobs = -dlogprobs / probs")
        check("dcounts_sum_inv", wrapped("`dprobs` was made anew after `dcounts_sum_inv`"), "stale")
        write("dcounts_sum_inv")
        check("dprobs", "the sign is wrong", "wrong")
        check("dcounts_sum_inv", "↪ right for a wrong gradient", "follows")
        write("dprobs", "dprobs = torch.zeros(32, 27)\ndprobs[range(n), Yb] = -1 / n / probs[range(n), Yb].detach()")
        check("dprobs", wrapped("right at this notebook's sizes only"), "here-only")
        write("dprobs")
        for grade_id in ("dcounts_sum_inv", "dcounts_path1", "dcounts_sum", "dcounts_path2", "dnorm_logits"):
            write(grade_id)
        write("dlogit_maxes", "dlogit_maxes = torch.zeros_like(logit_maxes)")
        check("dlogit_maxes", wrapped("zeros look right; with other upstream gradients this is wrong"), "zeros")
        write("dlogits_path1")
        write("dlogits_path2")
        check("dlogits", "✓ right", "rounding")
        last = max(at for at in code if "progress()" in cells[at].source or "cmp_all(" in cells[at].source)
        notebook.run(last)
        picture(notebook, last, f"progress-{width}")
        # The state of the notebook is no mistake: each line names what to run again, and is gone afterwards.
        write("dh", "dh = dlogits @ W2.T\nh = h.detach() * 2")
        check("dh", wrapped("`h` belongs to the forward pass, and cell"), "overwritten")
        write("dh", "dh = dlogits @ W2.T")
        notebook.run(places["forward"])
        check("dh", wrapped("run the cell with loss.backward() first"), "forward-only")
        notebook.run(places["autograd"])
        check("dh", "(✓ right|dlogits` was made anew|run cell)")
        notebook.run(places["setup_minibatch"])
        check("dprobs", wrapped("was run again after the forward pass"), "minibatch")
        assert faults(notebook.page) == []


@pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_everything_can_be_read(browser: Any, lab: Lab, path: Path, tmp_path: Path) -> None:
    """The solved notebook with its outputs, as wide as a screen and as half a laptop's."""
    with opened(browser, lab, path.stem, "JupyterLab Light", tmp_path, path.parent) as notebook:
        for width in (1400, 1000):
            notebook.page.set_viewport_size({"width": width, "height": 900})
            assert faults(notebook.page) == []


def test_the_first_step_stands_within_two_screens(browser: Any, lab: Lab, tmp_path: Path) -> None:
    name = "1_manual_backprop"
    cells = nbformat.read(ROOT / "solutions" / "backprop" / f"{name}.ipynb", as_version=4).cells
    first = next(at for at, cell in enumerate(cells) if nbgrader_info(cell).get("solution"))
    with opened(browser, lab, name, "JupyterLab Light", tmp_path, ROOT / "solutions" / "backprop") as notebook:
        notebook.page.set_viewport_size({"width": 1400, "height": 900})
        notebook.page.wait_for_timeout(1500)
        assert screens_before(notebook.page, first, 900) <= 2


def test_without_its_folder_a_notebook_says_what_is_missing(browser: Any, lab: Lab, tmp_path: Path) -> None:
    cells = nbformat.read(RELEASED / "1_manual_backprop.ipynb", as_version=4).cells
    code = {at for at, cell in enumerate(cells) if cell.cell_type == "code"}
    missing = next(at for at in code if nbgrader_info(cells[at])["grade_id"] == "setup_data")
    with opened(browser, lab, "1_manual_backprop", "JupyterLab Light", tmp_path, alone=True) as notebook:
        notebook.run_all(code)
        notebook.sees(missing, "dojo/ and names.txt are not beside this notebook")
        notebook.sees(missing, "Fetch the whole folder of the assignment")
        assert len(notebook.output(missing).strip().splitlines()) == 2
        picture(notebook, missing, "alone")
        assert "NameError" not in "\n".join(notebook.output(at) for at in code)


def test_a_notebook_that_brings_its_files_along_works_in_an_empty_folder(
    browser: Any, lab: Lab, tmp_path: Path
) -> None:
    name = "2_cross_entropy"
    write_alone(RELEASED, tmp_path)
    cells = nbformat.read(tmp_path / f"{name}.ipynb", as_version=4).cells
    code = {at for at, cell in enumerate(cells) if cell.cell_type == "code"}
    check = next(at for at in code if nbgrader_info(cells[at]).get("grade_id") == "cmp_dlogits")
    with opened(browser, lab, name, "JupyterLab Light", tmp_path, tmp_path, alone=True) as notebook:
        notebook.run_all(code)
        notebook.sees(check, "still to do")
        assert notebook.errors() == []
