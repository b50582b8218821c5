from __future__ import annotations

from pathlib import Path

import pytest
from traitlets.config import Config

from autograder.course.settings import SettingsError, load_config, settings_from_config
from autograder.marking.verdict import CREDIT
from autograder.sandbox.limits import Limits
from tests.conftest import ROOT

HERE = Path("course")


def settings_from(section, folder):
    return settings_from_config(Config(MarkByEngine=section), folder)


def test_without_a_section_all_is_as_usual():
    settings = settings_from({}, HERE)
    assert settings.secret == HERE / "course-secret"
    assert settings.credit == CREDIT


def test_the_secret_lies_in_the_course_or_where_it_says():
    assert settings_from({"secret": "deep/one"}, HERE).secret == HERE / "deep" / "one"
    assert settings_from({"secret": "/safe/one"}, HERE).secret == Path("/safe/one")


def test_a_credit_changes_its_verdict_only():
    credit = settings_from({"credit": {"path-missing": 0.25, "wrong": 0.1}}, HERE).credit
    assert credit == {**CREDIT, "path-missing": 0.25, "wrong": 0.1}


@pytest.mark.parametrize(
    ("limits", "says"),
    [
        ({"cell_second": 3}, "MarkByEngine.limits: there is no limit cell_second; there are cell_seconds, "),
        ({"cell_seconds": 0}, "cell_seconds is 0, expected a number above 0"),
        ({"retries": 1.5}, "retries is 1.5, expected a whole number above 0"),
        ({"retries": True}, "retries is True"),
        (3, "expected a dict, not the int 3"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(limits, says):
    with pytest.raises(SettingsError, match=says):
        settings_from({"limits": limits}, HERE)


def test_a_limit_changes_itself_only():
    assert settings_from({"limits": {"cell_seconds": 20}}, HERE).limits == Limits(cell_seconds=20.0)


@pytest.mark.parametrize("section", [{"isolation": "none"}, {"secret": 3}])
def test_other_settings_are_checked_too(section):
    with pytest.raises(SettingsError, match=next(iter(section))):
        settings_from(section, HERE)


@pytest.mark.parametrize("part", [0, 1, 0.5])
def test_from_0_to_1(part):
    assert settings_from({"credit": {"hard-coded": part}}, HERE).credit["hard-coded"] == part


@pytest.mark.parametrize(
    ("credit", "says"),
    [
        ({"hard-coded": 1.01}, "hard-coded has 1.01, expected a number from 0 to 1"),
        ({"hard-coded": -0.1}, "hard-coded has -0.1"),
        ({"hard-coded": float("nan")}, "hard-coded has nan"),
        ({"hard-coded": "half"}, "hard-coded has half"),
        ({"hard-coded": None}, "hard-coded has None"),
        ({"hardcoded": 0.5}, "there is no verdict hardcoded; there are exact, approximate, follow-through"),
        (3, r"^MarkByEngine\.credit expected a dict, not the int 3"),
        (["hard-coded"], "expected a dict, not the list"),
    ],
)
def test_what_cannot_be_is_refused(credit, says):
    with pytest.raises(SettingsError, match=says):
        settings_from({"credit": credit}, HERE)


class TestConfig:
    def test_of_no_file_it_is_empty(self, tmp_path):
        assert load_config(tmp_path) == {}
        assert settings_from_config(load_config(tmp_path), tmp_path).credit == CREDIT

    def test_of_a_file(self, tmp_path):
        (tmp_path / "nbgrader_config.py").write_text(
            "c = get_config()\nc.MarkByEngine.credit = {'path-missing': 0}\nc.MarkByEngine.secret = 'other'\n"
        )
        settings = settings_from_config(load_config(tmp_path), tmp_path)
        assert settings.credit["path-missing"] == 0
        assert settings.secret == tmp_path / "other"

    @pytest.mark.parametrize("text", ["(", "1 / 0", "import nowhere_at_all", "d.MarkByEngine.secret = 'x'"])
    def test_of_a_broken_file_it_is_one_line(self, tmp_path, text):
        (tmp_path / "nbgrader_config.py").write_text(text)
        with pytest.raises(SettingsError, match=r"nbgrader_config.py cannot be read: \w+: ") as caught:
            load_config(tmp_path)
        assert "\n" not in str(caught.value)

    def test_the_committed_one_is_as_usual(self):
        settings = settings_from_config(load_config(ROOT), ROOT)
        assert settings.credit == CREDIT
        assert settings.secret == ROOT / "course-secret"
