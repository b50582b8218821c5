"""The tests mirror the package, and the pages about it name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "autograder"
# tests/test_cli.py runs `python -m autograder`.
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.name not in ("__init__.py", "__main__.py"))
TOP = {"__init__.py", "__main__.py", "cli.py", "files.py", "text.py"}


def name(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_has_its_test_file(path):
    beside = (ROOT / "tests" / path.relative_to(PACKAGE)).with_name(f"test_{path.name}")
    assert "def test_" in beside.read_text(encoding="utf-8")


def test_the_package_holds_folders_and_what_all_of_them_use():
    assert {path.name for path in PACKAGE.glob("*.py")} == TOP


PAGES = [ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md", *(ROOT / "docs").rglob("*.md")]
FOLDERS = [ROOT, PACKAGE, *(path for path in PACKAGE.rglob("*") if path.is_dir())]


def test_the_tree_names_every_module_under_its_folder():
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    tree = re.search(r"^## The tree.*?^```text\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    said: dict[Path, str] = {}
    folders: list[tuple[int, Path]] = []
    for line in tree[1].splitlines():
        begins = re.match(r"( *)(\w+)(/|\.py)(?: |$)", line)
        if begins:
            folders = [(indent, folder) for indent, folder in folders if indent < len(begins[1])]
            above = folders[-1][1] if folders else PACKAGE.parent
            folders += [(len(begins[1]), above / begins[2])] if begins[3] == "/" else []
        for _, folder in folders[-1:]:
            said[folder] = said.get(folder, "") + line + "\n"
    missing = [
        path for path in MODULES if path.stem.removeprefix("edit_") not in re.findall(r"\w+", said.get(path.parent, ""))
    ]
    assert missing == [], [str(path.relative_to(PACKAGE)) for path in missing]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_folder_that_a_page_names_is_there(page):
    named = re.findall(r"`([\w./-]+(?:\.py|\.md|\.txt|\.toml|/))`", page.read_text(encoding="utf-8"))
    made = {"assignments/", "submitted/", ".autograder/"}  # by commands
    assert [name for name in named if name not in made and not any((f / name).exists() for f in FOLDERS)] == []
