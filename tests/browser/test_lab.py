"""As a new student would: every released notebook in real JupyterLab, in a real browser.

With SCREENSHOTS set to a folder, pictures of the wrong, the right and the progress view are left there.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest

from autograder.exercise import nbgrader_info, read_exercise
from tests.browser.lab import Notebook, jupyter_lab
from tests.conftest import ROOT

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
RELEASED = ROOT / "assignments" / "backprop"
NOTEBOOKS = sorted(path.stem for path in RELEASED.glob("*.ipynb"))
LINE = r"{} *\| exact: (True |False) \| approximate: {} *\| maxdiff: \S+"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium on this machine; apt-get install chromium"),
]


@pytest.fixture(scope="module", name="page")
def _page() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed; make setup")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 1280, "height": 1000})
        browser.close()


def answers(name: str) -> dict[str, str]:
    """The solution cells by grade_id, in order."""
    cells = read_exercise(ROOT / "solutions" / "backprop" / f"{name}.ipynb").cells.items()
    kept = {grade_id: cell.source for grade_id, cell in cells if nbgrader_info(cell).get("solution")}
    return {k: "\n".join(line for line in v.splitlines() if not line.startswith("### ")) for k, v in kept.items()}


def picture(notebook: Notebook, source: str, name: str) -> None:
    if folder := os.environ.get("SCREENSHOTS"):
        cell = notebook.cell(source)
        cell.scroll_into_view_if_needed()
        cell.screenshot(path=str(Path(folder) / f"{name}.png"))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_untouched_it_runs_and_says_what_is_to_do(page: Any, name: str, tmp_path: Path) -> None:
    shutil.copytree(RELEASED, tmp_path / "work")
    with jupyter_lab(tmp_path / "work", tmp_path, "JupyterLab Light") as address:
        notebook = Notebook(page, address, f"{name}.ipynb")
        notebook.run_all()
        assert notebook.errors() == []
        for step in read_exercise(ROOT / "solutions" / "backprop" / f"{name}.ipynb").gradients:
            said = notebook.output(f"cmp('{step.label}'")
            assert re.search(LINE.format(step.label, "False"), said)
            assert "still to do" in said


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_one_right_step_and_one_wrong(page: Any, theme: str, tmp_path: Path) -> None:
    name, work, shade = NOTEBOOKS[0], tmp_path / "work", theme.split()[-1].lower()
    shutil.copytree(RELEASED, work)
    stub = nbformat.read(work / f"{name}.ipynb", as_version=4)
    sources = {nbgrader_info(cell).get("grade_id"): cell.source for cell in stub.cells}
    right, wrong, *_ = read_exercise(ROOT / "solutions" / "backprop" / f"{name}.ipynb").gradients
    # Where the student would try things: a cell at the end.
    stub.cells.append(nbformat.v4.new_code_cell("import dojo\ndojo.progress()"))
    nbformat.write(stub, work / f"{name}.ipynb")
    with jupyter_lab(work, tmp_path, theme) as address:
        notebook = Notebook(page, address, f"{name}.ipynb")
        written = answers(name)
        for grade_id in (*right.solutions, *wrong.solutions):
            extra = f"\n{wrong.name} = -{wrong.name}" if grade_id == wrong.solutions[-1] else ""
            notebook.write(sources[grade_id].split("  #")[0] + "  # TODO", written[grade_id] + extra)
        notebook.run_all()
        said = notebook.output(f"cmp('{right.label}'")
        assert re.search(LINE.format(right.label, "True"), said)
        assert "✓ right" in said
        said = notebook.output(f"cmp('{wrong.label}'")
        assert re.search(LINE.format(wrong.label, "False"), said)
        assert "the sign is wrong" in said
        assert "the larger the square, the further off" in said
        assert notebook.cell(f"cmp('{wrong.label}'").locator("svg[role=img]").count() == 1
        progress = notebook.output("dojo.progress()")
        assert "1 right" in progress
        assert "1 wrong" in progress
        assert notebook.cell("dojo.progress()").locator("svg[role=img]").count() == 1
        for source, what in ((right.label, "right"), (wrong.label, "wrong")):
            picture(notebook, f"cmp('{source}'", f"{name}-{what}-{shade}")
        picture(notebook, "dojo.progress()", f"{name}-progress-{shade}")
