"""The wheel in an environment of its own: from pip to a graded submission. Slow; run by `make test-install`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.install


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "PYTHON", "VIRTUAL"))}
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=kept | environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """The programs of a fresh environment with nothing in it but the wheel and what it needs."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    pip = (folder / "venv" / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "-q")
    # A copy of the kit: building leaves folders behind, from which the next wheel would take what is gone by then.
    own = shutil.ignore_patterns(".venv", ".git", "build", "*.egg-info", "demo-course", "__pycache__")
    shutil.copytree(ROOT, folder / "kit", symlinks=True, ignore=own)
    run(*pip, "wheel", "--no-deps", "-w", folder, folder / "kit", cwd=folder)
    wheel = next(folder.glob("backprop_dojo-*.whl"))
    version = next(line for line in (ROOT / "constraints.txt").read_text().splitlines() if line.startswith("torch=="))
    torch = f"{version}+cpu" if sys.platform == "linux" else version
    run(*pip, "install", torch, "-c", ROOT / "constraints.txt", cwd=folder)
    run(*pip, "install", wheel, "-c", ROOT / "constraints.txt", cwd=folder)
    return folder / "venv" / "bin"


@pytest.fixture(scope="module")
def course(programs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty") / "course"
    run(programs / "autograder", "init", folder, cwd=folder.parent)
    return folder


def test_the_version_is_the_wheels(programs, tmp_path):
    assert run(programs / "autograder", "--version", cwd=tmp_path).strip() == "autograder 0.2.0"


def test_a_submission_is_graded_in_the_new_course(programs, course):
    """Its own Makefile makes the students' notebooks; the solution has full marks, the stub none."""
    run("make", "generate", cwd=course)
    for student, source in (("solved", "solutions"), ("untouched", "assignments")):
        target = course / "submitted" / student / "backprop"
        target.mkdir(parents=True)
        (target / "1_manual_backprop.ipynb").write_bytes(
            (course / source / "backprop" / "1_manual_backprop.ipynb").read_bytes()
        )
    command = ("grade", "submitted", "--assignment", "backprop", "--exercise", "1_manual_backprop", "--json", "m.json")
    run(programs / "autograder", *command, cwd=course)
    found = json.loads((course / "m.json").read_text())
    assert {s["student"]: s["score"] for s in found["submissions"]} == {"solved": 26.0, "untouched": 0.0}


def test_doctor_finds_the_released_notebooks_in_order(programs, course):
    exchange = course.parent / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [programs / "autograder", "doctor"],
        cwd=course,
        env=os.environ | {"PATH": path, "NBGRADER_EXCHANGE": str(exchange)},
        capture_output=True,
        text=True,
        check=False,
    )
    wrong = [line for line in done.stdout.splitlines() if not line.startswith("ok")]
    # Nobody has been entered, and only backprop, with which the new course's Makefile begins, was generated.
    others = sorted({path.name for path in (course / "solutions").iterdir()} - {"backprop"})
    first, *notes = wrong
    assert first.startswith("FIX  roster: nobody")
    assert [line.partition(";")[0] for line in notes] == [f"note released {o}: not generated so far" for o in others]
    assert "ok   released backprop: as in solutions/" in done.stdout


@pytest.fixture
def platform():
    """A folder such as a platform's /autograder, which an account without rights may enter."""
    with tempfile.TemporaryDirectory(prefix="platform-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("isolation", ["auto", "process"])
def test_the_bundle_grades_in_a_clean_folder(programs, course, platform, isolation):
    """Its own setup.sh, then as an account without rights; for root's own account the system's Python must be one."""
    run("make", "generate", cwd=course)
    run(programs / "autograder", "bundle", "gradescope", "--assignment", "backprop", cwd=course)
    source = platform / "source"
    run("unzip", "-q", course / "backprop-gradescope.zip", "-d", source, cwd=platform)
    around = {"AUTOGRADER_ROOT": str(platform)}
    system = Path("/usr/bin/python3")
    fits = subprocess.run([system, "-c", "import sys, ensurepip; sys.exit(sys.version_info < (3, 11))"], check=False)
    nobody = 65534 if os.geteuid() == 0 and fits.returncode == 0 else None
    run("bash", source / "setup.sh", cwd=platform, **around, PYTHON=sys.executable if nobody is None else str(system))
    manifest = source / "course" / "bundle.json"
    manifest.write_text(manifest.read_text().replace('"isolation": "auto"', f'"isolation": "{isolation}"'))
    for name in ("submission", "results"):
        (platform / name).mkdir()
    for notebook in (course / "solutions" / "backprop").glob("[12]_*.ipynb"):
        shutil.copy(notebook, platform / "submission")
    if nobody is not None:
        for path in (platform, *platform.rglob("*")):
            os.chown(path, nobody, nobody, follow_symlinks=False)
    command = ["sh", str(source / "run_autograder")]
    around |= {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    done = subprocess.run(
        command, cwd=platform, env=around, user=nobody, group=nobody, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((platform / "results" / "results.json").read_text())
    assert found["score"] == 31.0
    assert len(found["tests"]) == 26 + 1 + 2  # two notebooks were not handed in
