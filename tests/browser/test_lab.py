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

from autograder.exercise.notebook import Exercise, Step, nbgrader_info, read_exercise
from tests.browser.lab import Lab, Notebook, jupyter_lab
from tests.conftest import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RELEASED = ROOT / "assignments" / "backprop"


@dataclass(frozen=True)
class Mistake:
    """A slip in the right answer of a step: `good`, which is there once, turned to `bad`; and what is said of it."""

    label: str
    good: str
    bad: str
    reason: str

    @property
    def said(self) -> str:
        """The pattern of the reason, which may go over several lines."""
        return re.sub(r"(\\ )+", r"[\\s|]+", re.escape(self.reason))


MISTAKES = {
    "1_manual_backprop": Mistake("probs", "/ probs", "* probs", "is not the derivative of `logprobs = probs.log()`"),
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


@pytest.fixture(scope="module", name="browser")
def _browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make setup")
    # In a container /dev/shm may be too small for a browser.
    options = ["--no-sandbox", "--disable-dev-shm-usage"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


@contextlib.contextmanager
def opened(browser: Any, lab: Lab, name: str, theme: str, pictures: Path) -> Iterator[Notebook]:
    """The released notebook, in a fresh folder and a fresh page; a picture of how it looked when something failed."""
    work = lab.folder / f"{name}-{theme.split()[-1].lower()}"
    shutil.copytree(RELEASED, work, ignore=shutil.ignore_patterns("__pycache__", ".*"))
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
