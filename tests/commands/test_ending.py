"""One line, and an exit code."""

from __future__ import annotations

import pytest

from autograder.cells.errors import SetupError
from autograder.commands.ending import FAILED, UNUSABLE, one_line_errors, say, stop
from autograder.course.folder import CourseError, GradebookError
from autograder.course.settings import SettingsError
from autograder.exercise.notebook import ExerciseError


def test_a_line_about_the_work_is_no_output(capsys):
    say("half is done")
    assert capsys.readouterr() == ("", "autograder: half is done\n")


@pytest.mark.parametrize(("more", "code"), [((), UNUSABLE), ((FAILED,), 1)])
def test_stop_ends_the_program(capsys, more, code):
    with pytest.raises(SystemExit) as caught:
        stop("no such folder; make it", *more)
    assert caught.value.code == code
    assert capsys.readouterr().err == "autograder: no such folder; make it\n"


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (CourseError("no course"), UNUSABLE, "no course"),
        (ExerciseError("no exercise"), UNUSABLE, "no exercise"),
        (SettingsError("no setting"), UNUSABLE, "no setting"),
        (SetupError("no setup"), UNUSABLE, "no setup"),
        (GradebookError("no gradebook"), FAILED, "no gradebook"),
        (OSError(28, "No space left on device", "x.html"), FAILED, "No space left on device: x.html; mend that"),
    ],
)
def test_it_says_what_the_error_says(capsys, error, code, says):
    with pytest.raises(SystemExit) as ended, one_line_errors():
        raise error
    assert ended.value.code == code
    assert capsys.readouterr().err.startswith(f"autograder: {says}")


def test_a_strangers_text_is_one_printable_line(capsys):
    say("evil\n\x1b[2J")
    assert capsys.readouterr().err == "autograder: evil \N{REPLACEMENT CHARACTER}[2J\n"


def test_what_nobody_expected_is_not_hidden():
    with pytest.raises(ZeroDivisionError), one_line_errors():
        _ = 1 / 0
