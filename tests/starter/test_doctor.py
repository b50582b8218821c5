"""Each point of the examination, in order and not."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from nbgrader.api import Gradebook

from autograder.starter import doctor
from autograder.starter.doctor import examine


@pytest.fixture
def course(tmp_path, monkeypatch, gradebook_file):
    """A course folder in which everything is in order but what a test changes."""
    folder, exchange = tmp_path / "course", tmp_path / "exchange"
    folder.mkdir()
    exchange.mkdir()
    exchange.chmod(0o777)
    (folder / "nbgrader_config.py").write_text(
        f"c = get_config()\nc.Exchange.root = {str(exchange)!r}\nc.CourseDirectory.course_id = 'boats'\n"
    )
    (folder / "course-secret").write_text("0123456789abcdef" * 4)
    (folder / "course-secret").chmod(0o600)
    for name in ("solutions", "release"):
        (folder / name / "port").mkdir(parents=True)
    shutil.copy(gradebook_file, folder)
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(tmp_path / "none"))
    monkeypatch.setattr(doctor, "why_not", lambda: None)
    return folder


def findings(folder):
    return {finding.point: finding for finding in examine(folder)}


def test_in_order(course):
    found = findings(course)
    assert {point for point, finding in found.items() if finding.cure is not None} == set()
    assert list(found) == [
        *("Python", "torch", "nbgrader", "jupyterlab", "programs", "settings"),
        *("bubblewrap", "exchange", "secret", "roster", "released port"),
    ]
    assert found["roster"].found == "1 student"


def test_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "why_not", lambda: None)
    found = findings(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert "autograder init FOLDER" in found["settings"].cure
    assert "autograder init FOLDER" in found["exercises"].cure
    assert found["secret"].cure is None


def _exchange(course):
    return course.parent / "exchange"


@pytest.mark.parametrize(
    ("point", "spoil", "found", "cure"),
    [
        ("secret", lambda c: (c / "course-secret").chmod(0o644), "others may read", "chmod 600"),
        ("secret", lambda c: (c / "course-secret").write_text("short"), "is not a course secret", "restore it"),
        ("exchange", lambda c: _exchange(c).rmdir(), "is no folder", "mkdir -m 777 -p"),
        ("exchange", lambda c: _exchange(c).chmod(0o755), "not everybody may write", "chmod 777"),
        ("exchange", lambda c: (_exchange(c) / "boats" / "inbound").mkdir(parents=True), "may not write", "chmod 733"),
        ("roster", lambda c: (c / "gradebook.db").unlink(), "no gradebook so far", "autograder roster FILE"),
        ("roster", lambda c: (c / "gradebook.db").write_text("not one" * 99), "cannot be read", "from your backup"),
        (
            "released port",
            lambda c: (c / "solutions" / "port" / "chart.txt").touch(),
            "chart.txt is missing in port",
            "generate_assignment port --force",
        ),
        ("settings", lambda c: (c / "nbgrader_config.py").write_text("1 / 0"), "ZeroDivisionError", "mend"),
    ],
)
def test_a_fault_has_its_cure(course, point, spoil, found, cure):
    spoil(course)
    finding = findings(course)[point]
    assert found in finding.found
    assert cure in finding.cure
    assert finding.is_fault


def test_an_assignment_that_the_course_does_not_use_is_no_fault(course):
    (course / "release" / "port").rmdir()
    finding = findings(course)["released port"]
    assert (finding.found, finding.is_fault) == ("not generated so far", False)
    assert finding.cure == "nbgrader generate_assignment port, once it is wanted"


def test_the_cure_of_permissions_cures(course):
    (_exchange(course) / "boats" / "inbound").mkdir(parents=True)
    subprocess.run(findings(course)["exchange"].cure, shell=True, check=True)
    assert findings(course)["exchange"].cure is None


def test_another_exchange_is_left_alone(course):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write("c.ExchangeFactory.exchange = 'ngshare_exchange.Exchange'\n")
    _exchange(course).rmdir()
    assert findings(course)["exchange"].cure is None


def test_programs_beside_this_python_are_asked_for(course, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    assert findings(course)["programs"].cure.startswith("export PATH=")


def test_no_bubblewrap_has_the_reason_and_the_remedy(course, monkeypatch):
    monkeypatch.setattr(doctor, "why_not", lambda: "bubblewrap does not work here (no); allow namespaces")
    finding = findings(course)["bubblewrap"]
    assert (finding.found, finding.cure) == ("bubblewrap does not work here (no)", "allow namespaces")
    assert doctor._confinement("process").cure is None


def test_an_empty_gradebook_has_nobody(course):
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        gradebook.remove_student("ada")
    found = findings(course)["roster"]
    assert (found.found, "autograder roster FILE" in found.cure) == ("nobody", True)
