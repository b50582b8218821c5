"""The gradebook as data."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from nbgrader.api import Gradebook
from traitlets.config import Config

from autograder.course.folder import GradebookError
from autograder.nbgrader.direct import DirectGradebook
from autograder.nbgrader.register import read_register

LATE = "2024-05-03 10:00:00 UTC"


def test_who_is_there_and_what_they_have(port):
    config = port.config
    config.LateSubmissionPlugin.penalty_method = "zero"
    path = port.hand_in("ada", timestamp=LATE)
    with DirectGradebook(config, "port") as direct:
        direct.write("ada", port.exercise, path, port.result({"dkeel": 0.25}))
        direct.finish()
    with Gradebook(port.db_url) as gradebook:
        gradebook.update_or_create_student("ada", first_name="Ada", last_name="Sample")
        gradebook.add_student("zoe")
        gradebook.find_grade("cmp_dmast", "harbour", "port", "ada").extra_credit = 1.5
        gradebook.db.commit()
    ben = port.hand_in("ben", timestamp=LATE)
    found = read_register(config, "port", {"ada": path.parent, "ben": ben.parent})
    assert (found.due, found.max_scores) == (datetime(2024, 5, 2, 12), {"harbour": 8.0})
    ada, zoe = found.standings["ada"], found.standings["zoe"]
    assert (ada.name, ada.late, ada.penalty) == ("Ada Sample", timedelta(hours=22), 7.25)
    assert (ada.scores, ada.by_hand) == ({"harbour": 8.75}, {"harbour"})
    assert (zoe.submitted, zoe.scores) == (None, {})
    # Not in the gradebook yet: the time beside the submission tells.
    assert (found.standings["ben"].late, found.standings["ben"].scores) == (timedelta(hours=22), {})


def test_an_extension_counts(port):
    path = port.hand_in("ada", timestamp=LATE)
    with Gradebook(port.db_url) as gradebook:
        gradebook.update_or_create_student("ada")
        gradebook.update_or_create_submission("port", "ada")
        gradebook.grant_extension("port", "ada", hours=20)
    ada = read_register(port.config, "port", {"ada": path.parent}).standings["ada"]
    assert (ada.extension, ada.late, ada.scores) == (timedelta(hours=20), timedelta(hours=2), {})


def test_without_a_gradebook_there_are_those_who_submitted(port, tmp_path):
    path = port.hand_in("ada", timestamp=LATE)
    config = Config(CourseDirectory={"root": str(tmp_path), "db_url": f"sqlite:///{tmp_path}/none.db"})
    found = read_register(config, "port", {"ada": path.parent})
    assert (found.due, list(found.standings)) == (None, ["ada"])
    assert not (tmp_path / "none.db").exists()


def test_an_assignment_that_it_does_not_know(port):
    assert read_register(port.config, "starboard", {}).due is None


def test_a_gradebook_that_is_none_is_one_line(port, tmp_path):
    (tmp_path / "bad.db").write_text("this is no database, whatever its name says")
    config = Config(CourseDirectory={"root": str(tmp_path), "db_url": f"sqlite:///{tmp_path}/bad.db"})
    with pytest.raises(GradebookError, match="the gradebook could not be read"):
        read_register(config, "port", {})
