"""The gradebook and roster.csv together."""

from __future__ import annotations

import pytest
from traitlets.config import Config

from autograder.course.folder import GradebookError
from autograder.lms.roster import Roster, Student, read_roster
from autograder.lms.sheet import read_sheet
from autograder.lms.students import ROSTER, enrol, known_students, opened_gradebook

from .zips import CANVAS_GRADES


@pytest.fixture
def canvas(tmp_path):
    (tmp_path / "grades.csv").write_text(CANVAS_GRADES)
    return read_roster(read_sheet(tmp_path / "grades.csv"))


def test_everybody_is_in_the_gradebook_afterwards(canvas, gradebook, folder):
    done = enrol(canvas, gradebook, folder)
    assert (done.new, done.known, done.absent) == (("103", "ben"), ("ada",), ())
    ada = gradebook.find_student("ada")
    assert (ada.first_name, ada.last_name, ada.lms_user_id) == ("Ada", "Sample", "101")
    assert {s.id: s for s in known_students(gradebook, folder)} == {s.id: s for s in canvas.students}
    assert (folder / ROSTER).stat().st_mode & 0o777 == 0o600


def test_what_a_later_file_does_not_tell_stays(canvas, gradebook, folder):
    enrol(canvas, gradebook, folder)
    later = Roster("csv", (Student("ada", email="ada@example.org"),), {})
    assert enrol(later, gradebook, folder).absent == ("103", "ben")
    ada = next(s for s in known_students(gradebook, folder) if s.id == "ada")
    assert ada == Student("ada", "Sample", "Ada", "ada@example.org", "101", "u-1", "ada", "Section 1")
    assert len(gradebook.students) == 3


def test_without_roster_csv_the_gradebook_is_enough(gradebook, folder):
    gradebook.update_or_create_student("ada", first_name="Ada", lms_user_id="7")
    assert known_students(gradebook, folder) == [Student("ada", first_name="Ada", lms_id="7")]


def test_a_gradebook_that_is_none(folder):
    (folder / "gradebook.db").write_text("not a database" * 99)
    with pytest.raises(GradebookError, match="the gradebook could not be used"), opened_gradebook(Config(), folder):
        pass
