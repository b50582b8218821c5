"""A kit grades as its course does, without the course's secret; where it cannot, it says why."""

from __future__ import annotations

import dataclasses
import pickle

import nbformat
import pytest

from autograder.course import kit as module
from autograder.course.kit import KitError, opened_kit, pack_kit
from autograder.course.open_grader import Course, open_grader
from autograder.course.settings import Settings
from autograder.marking.verdict import CREDIT
from autograder.sandbox.host.bubblewrap import BUBBLEWRAP, IsolationError, why_not
from autograder.sandbox.limits import Limits
from tests import notebooks
from tests.conftest import SECRET

needs_bubblewrap = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    settings = Settings(folder / "course-secret", {**CREDIT, "path-missing": 0.25}, limits=Limits(cell_seconds=5))
    return Course(settings, SECRET, BUBBLEWRAP, folder / "kept")


@pytest.fixture(scope="module")
def kit(course, harbour):
    return pack_kit(course, harbour)


def test_all_but_the_secret_is_in_it(kit, harbour):
    sent = pickle.dumps(kit)
    assert SECRET not in sent
    assert kit.files == {"harbour.ipynb": harbour.path.read_bytes()}
    assert (kit.notebook, kit.limits.cell_seconds, kit.credit["path-missing"]) == ("harbour.ipynb", 5, 0.25)
    assert pickle.loads(sent) == kit


@needs_bubblewrap
def test_it_marks_and_explains_as_its_course_does_and_leaves_nothing(kit, course, harbour, tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    handed_in = notebooks.harbour(dswell_path2="", dflat="dflat = -dswell * swell", drope="drope = 1 / 0")
    path = tmp_path / "ada" / "harbour.ipynb"
    path.parent.mkdir()
    nbformat.write(handed_in, path)
    results = []
    with opened_kit(kit, 1) as grader:
        results.append(grader.grade_file("ada", path))
    assert sorted(tmp_path.iterdir()) == [path.parent]
    with open_grader(course, harbour) as grader:
        results.append(grader.grade_file("ada", path))
    here, there = (dataclasses.replace(result, seconds=0.0) for result in results)
    assert here.to_store() == there.to_store()
    assert (here.cells, here.score) == (there.cells, 5.25)


def test_another_version_is_refused_before_anything_is_started(kit):
    with (
        pytest.raises(KitError, match="the course has autograder 0; install the same"),
        opened_kit(dataclasses.replace(kit, made_by="autograder 0"), 1),
    ):
        pass


def test_a_machine_that_cannot_isolate_is_refused(kit, monkeypatch):
    monkeypatch.setattr("autograder.sandbox.host.bubblewrap.why_not", lambda: "no namespaces here")
    with pytest.raises(IsolationError, match="no namespaces here"), opened_kit(kit, 1):
        pass


def test_a_sandbox_that_does_not_start_is_no_isolation(kit, monkeypatch):
    monkeypatch.setattr(module, "choose", lambda wanted: None)

    def refuse(*args, **kwargs):
        raise BlockingIOError("no more processes")

    monkeypatch.setattr("subprocess.Popen", refuse)
    with pytest.raises(IsolationError, match="does not start: no more processes"), opened_kit(kit, 1):
        pass


@needs_bubblewrap
def test_references_that_are_cut_short_are_refused(kit):
    with (
        pytest.raises(KitError, match="did not arrive whole"),
        opened_kit(dataclasses.replace(kit, references=kit.references[:100]), 1),
    ):
        pass
