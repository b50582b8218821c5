"""Whose submission and whose feedback it is; commands as a whole are tried in end_to_end/."""

from __future__ import annotations

import getpass

import pytest
from nbgrader.auth import Authenticator
from nbgrader.coursedir import CourseDirectory
from traitlets.config import Config

from autograder.nbgrader.exchange import HubFetchFeedback, HubSubmit, PatientReleaseFeedback


@pytest.fixture
def step(tmp_path):
    """Make one of the exchange's steps, in a course folder with an exchange of its own."""
    exchange, course = tmp_path / "exchange", tmp_path / "course"
    for folder in ("inbound", "feedback"):
        (exchange / "boats" / folder).mkdir(parents=True)
    course.mkdir()

    def made(kind, trusted=True, **more):
        where = {"root": str(course), "course_id": "boats", "assignment_id": "port", **more}
        config = Config(CourseDirectory=where, Exchange={"root": str(exchange), "cache": str(tmp_path / "cache")})
        config.HubStudent.trust_hub_user = trusted
        coursedir = CourseDirectory(config=config)
        step = kind(coursedir=coursedir, authenticator=Authenticator(config=config), config=config)
        step.set_timestamp()
        return step

    return made


class TestTheStudent:
    @pytest.fixture(params=[(HubSubmit, "init_dest"), (HubFetchFeedback, "init_src")], ids=["submit", "fetch"])
    def chosen(self, request, step):
        kind, method = request.param

        def student(**more):
            made = step(kind, **more)
            getattr(made, method)()
            return made

        return student

    def test_is_the_accounts_unless_the_course_believes_the_hub(self, chosen, monkeypatch, caplog):
        monkeypatch.setenv("JUPYTERHUB_USER", "ada")
        assert chosen(trusted=False).coursedir.student_id == "*"
        assert f"JUPYTERHUB_USER is ada, but this is the account {getpass.getuser()}" in caplog.text

    def test_is_the_hubs(self, chosen, monkeypatch):
        monkeypatch.setenv("JUPYTERHUB_USER", "ada")
        assert chosen().coursedir.student_id == "ada"

    def test_a_name_on_the_command_line_wins(self, chosen, monkeypatch):
        monkeypatch.setenv("JUPYTERHUB_USER", "ada")
        assert chosen(student_id="ben").coursedir.student_id == "ben"

    @pytest.mark.parametrize("value", [None, ""])
    def test_without_a_hub_it_is_left_to_nbgrader(self, chosen, monkeypatch, value):
        monkeypatch.delenv("JUPYTERHUB_USER", raising=False)
        if value is not None:
            monkeypatch.setenv("JUPYTERHUB_USER", value)
        assert chosen().coursedir.student_id == "*"

    def test_the_submission_has_that_name(self, step, monkeypatch):
        monkeypatch.setenv("JUPYTERHUB_USER", "ada")
        submit = step(HubSubmit)
        submit.init_dest()
        assert submit.assignment_filename.startswith("ada+port+")
        monkeypatch.delenv("JUPYTERHUB_USER")
        own = step(HubSubmit)
        own.init_dest()
        assert own.assignment_filename.startswith(f"{getpass.getuser()}+port+")


class TestRelease:
    @pytest.fixture
    def release(self, step, tmp_path):
        """Three pages: ada's and cleo's came through nbgrader submit, ben's did not."""
        for student in ("ada", "ben", "cleo", "a,da"):
            folder = tmp_path / "course" / "feedback" / student / "port"
            folder.mkdir(parents=True)
            (folder / "harbour.html").write_text(f"{student}'s page")
            (folder / "mine.html").write_text("a page of the student's own")
            autograded = tmp_path / "course" / "autograded" / student / "port"
            autograded.mkdir(parents=True)
            (autograded / "harbour.ipynb").write_text("{}")
            if student in ("ada", "cleo"):
                (folder / "timestamp.txt").write_text("2024-05-01 10:00:00 UTC")
                (folder / "submission_secret.txt").write_text(f"{student}'s secret")

        def released(**more):
            made = step(PatientReleaseFeedback, **more)
            made.init_src()
            made.init_dest()
            made.copy_files()
            pages = (tmp_path / "exchange" / "boats" / "feedback").glob("*.html")
            return made, sorted(page.read_text() for page in pages)

        return released

    def test_who_cannot_be_reached_keeps_nobody_else_waiting(self, release):
        """Nor does a comma in a folder's name."""
        _, pages = release()
        assert pages == ["ada's page", "cleo's page"]

    def test_who_is_left_out_by_hand_stays_out(self, release):
        _, pages = release(student_id_exclude="cleo")
        assert pages == ["ada's page"]
