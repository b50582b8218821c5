"""What `autograder init` lays out: a course that reads, and a students' side without anything of ours."""

from __future__ import annotations

import filecmp

import pytest
from traitlets.config.loader import PyFileConfigLoader

from autograder.course.folder import CourseError
from autograder.course.settings import load_config
from autograder.exercise.notebook import read_exercise
from autograder.starter import init
from autograder.starter.init import new_course, new_students_side
from tests.conftest import ROOT

NOTEBOOKS = sorted(path.relative_to(ROOT / "solutions") for path in (ROOT / "solutions").glob("*/*.ipynb"))
ASSIGNMENTS = sorted({path.parent for path in NOTEBOOKS})


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("new") / "course"
    new_course(folder)
    return folder


def test_the_course_holds_what_it_needs(course):
    assert {path.name for path in course.iterdir()} == {
        *("README.md", "Makefile", ".gitignore", "nbgrader_config.py", "solutions"),
    }
    assert load_config(course).CourseDirectory.root == str(course)


def test_its_exercises_are_the_kits(course):
    solutions = course / "solutions"
    assert sorted(path.relative_to(solutions) for path in solutions.glob("*/*.ipynb")) == NOTEBOOKS
    for notebook in NOTEBOOKS:
        assert read_exercise(solutions / notebook).steps
    for folder in (solutions / assignment for assignment in ASSIGNMENTS):
        names = ROOT / "solutions" / folder.name / "names.txt"
        assert (folder / "names.txt").exists() == names.exists()
        assert not names.exists() or (folder / "names.txt").read_bytes() == (ROOT / "names.txt").read_bytes()
        assert not filecmp.dircmp(folder / "dojo", ROOT / "autograder" / "dojo").diff_files
        assert (folder / "dojo" / "explain" / "cascade.py").is_file()
    assert not any(path.is_symlink() for path in course.rglob("*"))


def test_no_mark_of_a_template_is_left(course, tmp_path):
    new_students_side(tmp_path / "students", course)
    texts = [path for folder in (course, tmp_path / "students") for path in folder.glob("*") if path.is_file()]
    assert [path.name for path in texts if "@BIN@" in path.read_text() or "@COURSE@" in path.read_text()] == []


def test_every_make_target_of_its_readme_is_in_its_makefile(course):
    targets = (course / "Makefile").read_text()
    for target in ("doctor", "generate", "release", "collect", "grade", "autograde", "feedback", "export"):
        assert f"\n{target}:" in targets
        assert f"make {target}" in (course / "README.md").read_text()


@pytest.mark.parametrize("what", ["file", "folder"])
def test_nothing_that_is_there_is_touched(tmp_path, what):
    there = tmp_path / "thesis"
    there.write_text("mine") if what == "file" else (there / "mine").mkdir(parents=True)
    with pytest.raises(CourseError, match="name a new or an? ?empty folder" if what == "folder" else "is a file"):
        new_course(there)
    assert (there.read_text() if what == "file" else next(there.iterdir()).name) == "mine"


def test_a_package_without_its_exercises_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(init, "shipped", lambda: None)
    with pytest.raises(CourseError, match="install its wheel again"):
        new_course(tmp_path / "course")
    assert not (tmp_path / "course").exists()


class TestTheStudentsSide:
    @staticmethod
    def config(tmp_path, settings, monkeypatch, user=None):
        (tmp_path / "course").mkdir()
        (tmp_path / "course" / "nbgrader_config.py").write_text(f"c = get_config()\n{settings}")
        new_students_side(tmp_path / "students", tmp_path / "course")
        monkeypatch.delenv("NBGRADER_EXCHANGE", raising=False)
        monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
        if user is not None:
            monkeypatch.setenv("JUPYTERHUB_USER", user)
        return PyFileConfigLoader("nbgrader_config.py", str(tmp_path / "students")).load_config()

    def test_has_the_courses_name_and_exchange(self, tmp_path, monkeypatch):
        settings = "c.CourseDirectory.course_id = \"o'hara\"\nc.Exchange.root = '/srv/exchange'"
        config = self.config(tmp_path, settings, monkeypatch, user="ada")
        assert config.CourseDirectory == {"course_id": "o'hara"}
        assert config.Exchange.root == "/srv/exchange"
        assert config.ExchangeSubmit.strict is True

    @pytest.mark.parametrize(("user", "student"), [("ada", "ada"), (None, "*")])
    def test_believes_the_hub_where_the_course_does(self, tmp_path, monkeypatch, user, student):
        config = self.config(tmp_path, "c.HubStudent.trust_hub_user = True", monkeypatch, user)
        assert config.CourseDirectory.student_id == student

    def test_needs_nothing_of_ours(self, tmp_path, monkeypatch):
        """No package that knows the answers comes to a student's Python."""
        self.config(tmp_path, "", monkeypatch)
        students = tmp_path / "students"
        assert {path.name for path in students.iterdir()} == {"nbgrader_config.py", "requirements.txt", "README.md"}
        lines = (students / "requirements.txt").read_text().splitlines()
        wanted = [line.split("<")[0].split(">")[0].split("=")[0] for line in lines if not line.startswith("#")]
        assert wanted == ["torch", "nbgrader", "jupyterlab"]
        assert "autograder" not in (students / "nbgrader_config.py").read_text()
