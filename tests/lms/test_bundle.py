"""What a bundle holds, and what it must not."""

from __future__ import annotations

import contextlib
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest
import yaml
from click.testing import CliRunner

from autograder.cli import main
from autograder.exercise.notebook import read_exercise
from autograder.lms.bundle import NEEDED, TEMPLATES
from autograder.lms.run_bundle import Manifest
from autograder.reference import kept
from tests.conftest import ROOT
from tests.notebooks import HARBOUR_ANSWERS, harbour


def bundled(folder, *args):
    with contextlib.chdir(folder):
        return CliRunner().invoke(main, ("bundle", *args, "--assignment", "port"))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with harbour, as it is released: stubs in the place of the answers."""
    folder = tmp_path_factory.mktemp("course")
    (folder / "nbgrader_config.py").write_text(
        "c = get_config()\nc.MarkByEngine.credit = {'path-missing': 0.25}\n"
        "c.MarkByEngine.limits = {'cell_seconds': 3}\nc.MarkByEngine.isolation = 'process'\n"
    )
    (folder / "course-secret").write_text("0123456789abcdef" * 4)
    for name in ("solutions", "release"):
        (folder / name / "port").mkdir(parents=True)
        (folder / name / "port" / "chart.txt").write_text("here be dragons")
    nbformat.write(harbour(), folder / "solutions" / "port" / "harbour.ipynb")
    stub = harbour()
    for cell in stub.cells:
        cell.source = cell.source if "BEGIN SOLUTION" not in cell.source else "pass  # TODO"
    nbformat.write(stub, folder / "release" / "port" / "harbour.ipynb")
    return folder


@pytest.fixture(scope="module")
def files(course):
    """The files of the Gradescope bundle."""
    done = bundled(course, "gradescope", "--index", "https://example.org/cpu; rm -rf /")
    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("harbour: port-gradescope.zip, ")
    assert (course / "port-gradescope.zip").stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(course / "port-gradescope.zip") as archive:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
        return {name: (archive.read(name), modes[name]) for name in archive.namelist()}


def test_what_the_platform_calls_is_at_its_root_and_may_be_run(files):
    assert files["setup.sh"][1] == files["run_autograder"][1] == 0o755
    assert files["setup.sh"][0].startswith(b"#!/bin/bash\n")
    assert not re.findall(rb"@[A-Z_]+@", files["setup.sh"][0] + files["run_autograder"][0])
    assert b"export PIP_EXTRA_INDEX_URL='https://example.org/cpu; rm -rf /'\n" in files["setup.sh"][0]


def test_no_solution_is_in_it(files):
    answers = [answer.splitlines()[-1].encode() for answer in HARBOUR_ANSWERS.values()]
    for name, (content, _) in files.items():
        assert b"BEGIN SOLUTION" not in content or name.endswith(".py"), name
        assert not name.endswith(".ipynb") or not any(answer in content for answer in answers), name
    assert [name for name in files if name.endswith(".ipynb")] == ["course/solutions/port/harbour.ipynb"]


def test_the_secret_is_its_own_and_always_the_same(course, files):
    secret, mode = files["course/course-secret"]
    assert mode == 0o600
    assert secret.strip() != (course / "course-secret").read_bytes().strip()
    assert not any((course / "course-secret").read_bytes() in content for content, _ in files.values())
    bundled(course, "gradescope", "--out", "again.zip")
    with zipfile.ZipFile(course / "again.zip") as archive:
        assert archive.read("course/course-secret") == secret


def test_hidden_cases_ride_along(files, tmp_path, monkeypatch):
    """And are the ones that grading looks for there, so that nothing is computed."""
    cases = [name for name in files if name.startswith("course/.autograder/cases/")]
    assert cases
    assert {files[name][1] for name in cases} == {0o600}
    for name, (content, _) in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(kept, "compute_references", lambda *given: pytest.fail("computed anew"))
    exercise = read_exercise(tmp_path / "course" / "solutions" / "port" / "harbour.ipynb")
    secret = files["course/course-secret"][0].strip()
    found = kept.references_of(exercise, secret, tmp_path / "course" / ".autograder" / "cases")
    assert found.hidden


def test_the_courses_settings_ride_along(files):
    manifest = Manifest.from_json(files["course/bundle.json"][0].decode())
    assert (manifest.assignment, manifest.exercises, manifest.isolation) == ("port", ("harbour",), "process")
    assert manifest.credit["path-missing"] == 0.25
    assert manifest.credit["exact"] == 1.0
    assert manifest.limits["cell_seconds"] == 3.0
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_the_package_and_its_versions_ride_along(files):
    assert files["autograder/sandbox/guest/worker.py"][0] == (ROOT / "autograder/sandbox/guest/worker.py").read_bytes()
    pinned = {line.partition("==")[0].lower() for line in files["constraints.txt"][0].decode().split()}
    assert {name.lower() for name in NEEDED} | {"torch"} <= pinned
    assert "backprop-dojo" not in pinned
    assert files["requirements.txt"][0].decode().split() == list(NEEDED)


def test_nothing_of_nbgraders_is_needed_on_the_platform():
    """Nor of anything else that requirements.txt does not name."""
    code = "import sys, autograder.lms.run_bundle\nprint(sorted({'nbgrader', 'sqlalchemy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_github_is_a_repository_with_a_workflow(course):
    assert bundled(course, "github").exit_code == 0
    with zipfile.ZipFile(course / "port-github.zip") as archive:
        names = archive.namelist()
        workflow = yaml.safe_load(archive.read(".github/workflows/grade.yml"))
    assert {"source/setup.sh", "source/run_autograder", "source/course/bundle.json"} <= set(names)
    assert all(name.startswith(("source/", ".github/workflows/")) for name in names)
    steps = workflow["jobs"]["grade"]["steps"]
    assert [step["run"] for step in steps if "source/" in str(step.get("run"))] == [
        *("PYTHON=python bash source/setup.sh", "sh source/run_autograder"),
    ]
    # What a student chooses never becomes part of a shell's line.
    assert not any("${{ matrix" in step.get("run", "") for step in steps)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda f: (f / "release" / "port" / "chart.txt").write_text("old"), "is not made from solutions/: chart.txt"),
        (lambda f: (f / "release" / "port" / "harbour.ipynb").unlink(), "run: nbgrader generate_assignment port"),
        (lambda f: (f / "course-secret").write_text("x"), "is not a course secret"),
        (lambda f: (f / "nbgrader_config.py").write_text("1 / 0"), "cannot be read"),
        (lambda f: (f / "solutions" / "port" / "harbour.ipynb").unlink(), "no exercise in"),
    ],
)
def test_what_does_not_fit_together_is_not_packed(course, tmp_path, spoil, says):
    shutil.copytree(course, tmp_path / "course")
    spoil(tmp_path / "course")
    done = bundled(tmp_path / "course", "gradescope", "--out", "new.zip")
    assert done.exit_code == 2
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "course" / "new.zip").exists()


def test_the_templates_are_shell(tmp_path):
    for name, shell in (("setup.sh", "bash"), ("run_autograder", "sh")):
        subprocess.run([shell, "-n", Path(TEMPLATES / name)], check=True)


def test_cases_above_the_limit_are_left_for_the_platform_to_make(course, monkeypatch):
    monkeypatch.setattr("autograder.lms.bundle.MAX_CASES", 1000)
    assert bundled(course, "gradescope", "--out", "small.zip").exit_code == 0
    with zipfile.ZipFile(course / "small.zip") as archive:
        names = archive.namelist()
        assert b"--prepare" in archive.read("setup.sh")
    assert not [name for name in names if name.endswith(".safetensors")]
