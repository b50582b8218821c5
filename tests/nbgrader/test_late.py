"""Penalties for being late: per cent a day, grace, free days, a plugin of the course's own."""

from __future__ import annotations

from datetime import timedelta

import pytest
from nbgrader.api import Gradebook
from traitlets.config import Config

from autograder.course.settings import SettingsError
from autograder.marking.result import Late
from autograder.nbgrader import pages
from autograder.nbgrader.direct import DirectGradebook
from autograder.nbgrader.late import LatePolicy, apply_penalties, late_of, late_plugin
from autograder.nbgrader.register import read_register

OURS = "autograder.nbgrader.late.LatePolicy"
DAY = 86_400


def config_of(port, plugin=OURS, **policy):
    config = port.config
    config.AssignLatePenalties = Config({"plugin_class": plugin})
    config.LatePolicy = Config(policy)
    return config


@pytest.mark.parametrize(
    ("policy", "seconds", "days", "penalty"),
    [
        ({}, 3 * DAY, 3, 0.0),
        ({"percent_per_day": 10}, 1, 1, 0.8),
        ({"percent_per_day": 10}, DAY, 1, 0.8),
        ({"percent_per_day": 10}, DAY + 1, 2, 1.6),
        ({"percent_per_day": 10}, 30 * DAY, 30, 8.0),
        ({"percent_per_day": 10, "grace_minutes": 10}, 600, 0, 0.0),
        ({"percent_per_day": 10, "grace_minutes": 10}, 601, 1, 0.8),
        ({"penalty_method": "zero", "grace_minutes": 10}, 600, 0, 0.0),
        ({"penalty_method": "zero", "grace_minutes": 10}, 601, 1, 8.0),
    ],
)
def test_a_part_for_each_day_begun(policy, seconds, days, penalty):
    plugin = LatePolicy(**policy)
    assert plugin.days(seconds) == days
    assert plugin.late_submission_penalty("ada", 8.0, seconds) == pytest.approx(penalty)


@pytest.fixture
def late(port):
    """Somebody a day and 22 hours late, with full marks, in a course with these settings."""

    def graded(config, timestamp="2024-05-04 10:00:00 UTC"):
        path = port.hand_in("ada", timestamp=timestamp)
        with DirectGradebook(config, "port") as direct:
            direct.write("ada", port.exercise, path, port.result())
            return direct.finish()

    return graded


def test_the_gradebook_has_it(port, late):
    assert late(config_of(port, percent_per_day=25)) == ({"ada": Late(2, 0, 4.0)}, [])
    with Gradebook(port.db_url) as gradebook:
        assert gradebook.find_submission("port", "ada").late_submission_penalty == 4.0


def test_free_days_go_to_the_earlier_due_date_first(port, late):
    config = config_of(port, percent_per_day=25, late_days=3)
    with Gradebook(port.db_url) as gradebook:
        gradebook.add_student("ada")
        gradebook.add_assignment("before", duedate="2024-04-01 12:00:00 UTC")
        gradebook.add_assignment("after", duedate="2024-06-01 12:00:00 UTC")
        for name, when in (("before", "2024-04-03 10:00:00 UTC"), ("after", "2024-06-09 12:00:00 UTC")):
            gradebook.add_submission(name, "ada", timestamp=when)
    assert late(config) == ({"ada": Late(2, 1, 2.0)}, [])  # two days late, of three free days one is left
    plugin = late_plugin(config)
    with Gradebook(port.db_url) as gradebook:
        found = [late_of(plugin, gradebook.find_submission(name, "ada")) for name in ("before", "port", "after")]
    assert [(each.days, each.free) for each in found] == [(2, 2), (2, 1), (8, 0)]
    assert read_register(config, "port", {}).standings["ada"].free == 1


def test_late_days_that_cost_nothing_are_said_too(port, late):
    found, _ = late(config_of(port, percent_per_day=25, late_days=3))
    assert found["ada"].said() == "late: 2 days, 2 of them free"


def test_the_feedback_page_says_the_same(port, late):
    config = config_of(port, percent_per_day=25, late_days=1)
    found, _ = late(config)
    about = {"db_url": port.db_url, "assignment": "port", "student": "ada"}
    assert pages._late(config, about) == found["ada"].said() == "late: 2 days, 1 of them free, 2 taken off"


def test_an_extension_and_a_mended_time_count_without_grading_again(port, late):
    config = config_of(port, percent_per_day=25)
    late(config)
    with Gradebook(port.db_url) as gradebook:
        gradebook.grant_extension("port", "ada", days=1)
    with DirectGradebook(config, "port") as direct:
        assert direct.finish() == ({"ada": Late(1, 0, 2.0)}, [])
        (port.folder / "submitted" / "ada" / "port" / "timestamp.txt").write_text("2024-05-01 10:00:00 UTC")
        assert direct.finish() == ({}, [])
    with Gradebook(port.db_url) as gradebook:
        assert gradebook.find_submission_notebook("harbour", "port", "ada").late_submission_penalty is None
        assert gradebook.find_submission("port", "ada").extension == timedelta(days=1)


PLUGIN = """\
from nbgrader.plugins import LateSubmissionPlugin

class Half(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {}
"""


class TestAPluginOfTheCourses:
    @staticmethod
    def plugin(port, name, returns):
        (port.folder / f"{name}.py").write_text(PLUGIN.format(returns))
        return config_of(port, f"{name}.Half")

    @pytest.mark.parametrize(("returns", "penalty"), [("score / 2", 4.0), ("99", 8.0), ("-1", 0.0), ("None", 0.0)])
    def test_it_is_found_in_the_course_folder(self, port, late, returns, penalty):
        name = f"late_{abs(hash(returns))}"
        assert late(self.plugin(port, name, returns)) == ({"ada": Late(2, 0, penalty)}, [])

    def test_one_that_fails_is_named_and_stops_nobody(self, port, late):
        penalties, failed = late(self.plugin(port, "late_raises", "1 / 0"))
        assert penalties == {}
        assert failed == ["ada: the penalty for being late stays as it was: ZeroDivisionError: division by zero"]

    def test_one_that_is_not_there_is_one_line(self, port):
        with pytest.raises(SettingsError, match=r"plugin_class: .*late_nowhere.Half.*; mend nbgrader_config.py"):
            late_plugin(config_of(port, "late_nowhere.Half"))


def test_an_assignment_that_the_gradebook_does_not_know_has_none(port):
    with Gradebook(port.db_url) as gradebook:
        assert apply_penalties(gradebook, LatePolicy(), "starboard", lambda student: port.folder) == ({}, [])


def test_an_exporters_settings_are_no_warning(caplog):
    config = Config({"NbConvertBase": {"display_data_priority": ["text/html"]}})
    late_plugin(config)
    assert caplog.text == ""
