"""Where the exercises of the package are, and that student code cannot get at them."""

from __future__ import annotations

import sysconfig
import tomllib

import pytest

from autograder.course import open_grader
from autograder.course.shipped import SHARE, shipped
from autograder.sandbox.host.bubblewrap import IsolationError, why_not
from tests.conftest import ROOT


def laid_out(folder):
    (folder / "solutions").mkdir(parents=True)
    (folder / "nbgrader_config.py").touch()
    return folder


def test_of_a_clone_it_is_the_repository():
    assert shipped() == ROOT


@pytest.mark.parametrize("scheme", ["prefix", "target", "none"])
def test_of_a_wheel_it_is_in_share(tmp_path, monkeypatch, scheme):
    prefix, site = tmp_path / "prefix", tmp_path / "site"
    monkeypatch.setattr(
        sysconfig, "get_path", lambda name, scheme=None: str(prefix if scheme is None else tmp_path / "no")
    )
    there = {"prefix": prefix, "target": site}.get(scheme)
    assert shipped(site / "autograder") is None
    if there is not None:
        laid_out(there / SHARE)
        assert shipped(site / "autograder") == there / SHARE


def test_the_wheel_puts_every_exercise_there():
    """Nothing of a solution is in the package itself, which student code sees."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    files = project["data-files"]
    assert files[str(SHARE)] == ["nbgrader_config.py"]
    for folder in (ROOT / "solutions").iterdir():
        patterns = files[f"{SHARE}/solutions/{folder.name}"]
        taken = {path.name for pattern in patterns for path in ROOT.glob(pattern)}
        assert {path.name for path in folder.iterdir() if path.is_file()} <= taken
    assert list((ROOT / "autograder").rglob("*.ipynb")) == []


@pytest.mark.skipif(why_not() is not None, reason=str(why_not()))
def test_exercises_that_student_code_could_read_are_refused(tmp_path, monkeypatch, harbour):
    """As after an installation that puts share/ among the libraries."""
    from autograder.sandbox import places

    monkeypatch.setattr(places, "installed", lambda: [str(tmp_path / "libraries")])
    source = laid_out(tmp_path / "libraries" / "share")
    monkeypatch.setattr(open_grader, "shipped", lambda: source)
    settings = open_grader.Settings(tmp_path / "course" / "secret", {})
    (tmp_path / "course").mkdir()
    with pytest.raises(IsolationError, match="solutions lies below"):
        open_grader.open_course(settings, tmp_path / "course")
