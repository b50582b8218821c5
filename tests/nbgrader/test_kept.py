"""What nbgrader autograde need not mark."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import nbformat
import pytest
from nbgrader.converters.autograde import Autograde
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.nbgrader.kept import SUBMITTED, is_marked, kept_results, ready, say_why
from autograder.nbgrader.submitted import digest
from autograder.nbgrader.warm import WARM


@pytest.fixture
def converter(port, monkeypatch):
    config = Config(port.config, MarkByEngine={"isolation": "process"})
    return Autograde(coursedir=CourseDirectory(config=config), config=config)


@pytest.fixture
def keep(port, converter):
    def kept(recorded):
        path = port.hand_in("ada")
        cache = kept_results(converter, "port", path)
        cache.put(port.result(), cache.key(path), recorded=recorded)
        return path

    return kept


@pytest.fixture
def given(port):
    """What the gradebook has of Ada: all."""
    return {"harbour": {"ada": {step.check: step.points for step in port.exercise.steps}}}


@pytest.mark.parametrize("recorded", [True, False])
def test_what_the_gradebook_has_is_marked(port, converter, keep, given, recorded):
    path = keep(recorded)
    assert is_marked(converter, "port", "ada", path, given) == recorded
    # A gradebook made anew, a student removed, a mark that is another.
    assert not is_marked(converter, "port", "ada", path, {})
    given["harbour"]["ada"]["cmp_dkeel"] = 0.5
    assert not is_marked(converter, "port", "ada", path, given)
    given["harbour"]["ada"]["cmp_dkeel"] = 1.0
    nbformat.write(port.released, path.with_name("other.ipynb"))
    path.write_text(path.read_text() + "\n")
    assert not is_marked(converter, "port", "ada", path, given)


def test_a_grader_is_opened_only_where_one_is_needed(port, converter, keep, monkeypatch):
    path, opened = keep(False), []
    essay = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    nbformat.write(essay, port.exercise.path.with_name("essay.ipynb"))
    more = shutil.copyfile(port.exercise.path, port.exercise.path.with_name("more.ipynb"))
    submitted = [path, path.with_name("essay.ipynb"), path.with_name("more.ipynb")]
    for other in submitted[1:]:
        nbformat.write(essay, other)
    monkeypatch.setattr(WARM, "open", lambda paths, folder, settings: opened.append(paths))
    ready(converter, "port", "ada", submitted[:2])
    assert opened == []
    ready(converter, "port", "ada", submitted)
    ready(converter, "port", "ben", submitted)
    converter.force = True
    ready(converter, "port", "ada", submitted)
    assert opened == [[more], [port.exercise.path, more], [port.exercise.path, more]]


def test_it_says_why_they_are_marked_again(port, converter, keep):
    path, said = keep(True), []
    converter.assignments = {str(path.parent): [str(path)]}
    converter.log = SimpleNamespace(warning=lambda text, *arguments: said.append(text % arguments))
    say_why(converter, "port", ["harbour.ipynb"])
    assert said == []
    (port.folder / "course-secret").write_text("another secret" * 8)
    say_why(converter, "port", ["harbour.ipynb"])
    assert said == [
        "harbour: 1 are graded again, for the secret changed since; old marks against new ones: "
        "autograder regrade port --dry-run"
    ]


def test_nbgraders_own_notebook_is_known_by_its_digest(port, converter):
    ordinary = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    nbformat.write(ordinary, port.folder / "solutions" / "port" / "essay.ipynb")
    path = port.hand_in("ada").with_name("essay.ipynb")
    nbformat.write(ordinary, path)
    graded = port.folder / "autograded" / "ada" / "port" / "essay.ipynb"
    graded.parent.mkdir(parents=True)
    for made_from, marked in ((digest(path), True), ("another", False), ("", True)):
        ordinary.metadata[SUBMITTED] = made_from
        nbformat.write(ordinary, graded)
        assert is_marked(converter, "port", "ada", path, {}) == marked
