"""Marks in nbgrader's own tables: all of a submission or nothing, and a person's own stay."""

from __future__ import annotations

import copy
from datetime import datetime

import nbformat
import pytest
from nbgrader.api import Gradebook

from autograder.course.folder import CourseError, GradebookError
from autograder.nbgrader.gradebook import Recorder, RecordMarks
from autograder.nbgrader.mark import write_outputs
from tests.notebooks import by_id

WHEN = datetime(2024, 5, 1, 10)


@pytest.fixture
def recorder(port):
    with Recorder(port.db_url) as opened:
        yield opened


@pytest.fixture
def marked(port):
    """The released notebook with the outputs of a result: one point lost."""
    notebook = copy.deepcopy(port.released)
    write_outputs(notebook, port.result({"dkeel": 0.0}))
    return notebook


def scores(port, student="ada"):
    with Gradebook(port.db_url) as gradebook:
        notebook = gradebook.find_submission_notebook("harbour", "port", student)
        return {
            grade.name: (grade.auto_score, grade.manual_score, grade.needs_manual_grade) for grade in notebook.grades
        }


def comments(port, student="ada"):
    with Gradebook(port.db_url) as gradebook:
        notebook = gradebook.find_submission_notebook("harbour", "port", student)
        return {comment.name: (comment.auto_comment, comment.manual_comment) for comment in notebook.comments}


def test_every_check_cell_has_its_score(port, recorder, marked):
    row = recorder.record("ada", "port", "harbour", marked, WHEN)
    assert (row.score, row.max_score, row.assignment.timestamp) == (7.0, 8.0, WHEN)
    found = scores(port)
    assert found.pop("cmp_dkeel") == (0.0, None, False)
    assert set(found.values()) == {(1.0, None, False)}
    assert len(found) == 7


def test_what_was_left_untouched_is_no_response(port, recorder, marked):
    by_id(marked)["dkeel"].source = "dkeel = 1"
    recorder.record("ada", "port", "harbour", marked)
    found = comments(port)
    assert found.pop("dkeel") == (None, None)
    assert set(found.values()) == {("No response.", None)}


def test_a_persons_own_mark_and_comment_stay_and_are_to_be_looked_at_again(port, recorder, marked):
    recorder.record("ada", "port", "harbour", marked)
    with Gradebook(port.db_url) as gradebook:
        gradebook.find_grade("cmp_dkeel", "harbour", "port", "ada").manual_score = 0.75
        gradebook.find_comment("dkeel", "harbour", "port", "ada").manual_comment = "Nearly."
        gradebook.db.commit()
    with Recorder(port.db_url) as again:
        assert again.record("ada", "port", "harbour", marked).score == 7.75
    assert scores(port)["cmp_dkeel"] == (0.0, 0.75, True)
    assert comments(port)["dkeel"][1] == "Nearly."


def test_rows_that_a_submission_lacks_are_made_and_the_others_stay(port, recorder, marked):
    """A cell may have come after the student's first submission."""
    recorder.record("ada", "port", "harbour", marked)
    with Gradebook(port.db_url) as gradebook:
        gradebook.find_grade("cmp_drope", "harbour", "port", "ada").manual_score = 0.25
        for row in (
            gradebook.find_grade("cmp_dkeel", "harbour", "port", "ada"),
            gradebook.find_comment("dkeel", "harbour", "port", "ada"),
        ):
            gradebook.db.delete(row)
        gradebook.db.commit()
    write_outputs(marked, port.result({"dkeel": 0.5, "drope": 0.0}))
    with Recorder(port.db_url) as again:
        again.record("ada", "port", "harbour", marked)
    found = scores(port)
    assert found["cmp_dkeel"] == (0.5, None, False)
    assert found["cmp_drope"] == (0.0, 0.25, True)
    assert len(found) == 8
    assert comments(port)["dkeel"] == ("No response.", None)


def test_a_notebook_of_tasks_alone_waits_for_a_person(port, recorder):
    """A task has a grade and a comment, both for the same cell."""
    with Gradebook(port.db_url) as gradebook:
        gradebook.add_notebook("essay", "port")
        gradebook.add_task_cell("why", "essay", "port", max_score=2, cell_type="markdown")
    info = {"grade_id": "why", "task": True, "grade": False, "solution": False, "points": 2}
    why = nbformat.v4.new_markdown_cell("Because.", metadata={"nbgrader": info})
    recorder.record("ada", "port", "essay", nbformat.v4.new_notebook(cells=[why]))
    with Gradebook(port.db_url) as gradebook:
        found = gradebook.find_submission_notebook("essay", "port", "ada")
        assert [(grade.auto_score, grade.needs_manual_grade) for grade in found.grades] == [(None, True)]
        assert [comment.auto_comment for comment in found.comments] == [None]


def test_without_a_time_that_of_the_gradebook_stays(recorder, marked):
    recorder.record("ada", "port", "harbour", marked, WHEN)
    assert recorder.record("ada", "port", "harbour", marked).assignment.timestamp == WHEN


def test_a_fault_in_the_middle_leaves_nothing(port, recorder, marked, monkeypatch):
    def fail(cell):
        if cell.metadata["nbgrader"]["grade_id"] == "cmp_dkeel":
            raise ZeroDivisionError
        return 1.0, 1.0

    with monkeypatch.context() as patch:
        patch.setattr("nbgrader.utils.determine_grade", fail)
        with pytest.raises(ZeroDivisionError):
            recorder.record("ada", "port", "harbour", marked)
    with Gradebook(port.db_url) as gradebook:
        assert gradebook.students == []
        assert gradebook.assignment_submissions("port") == []
    assert recorder.record("ada", "port", "harbour", marked).score == 7.0  # and it can go on


def test_an_exercise_that_was_not_released_is_refused_with_what_to_do(recorder):
    says = "the gradebook has no port/pier; run: nbgrader generate_assignment port"
    with pytest.raises(CourseError, match=says):
        recorder.released("port", "pier")


def test_a_gradebook_that_cannot_be_opened_is_one_line(tmp_path):
    with pytest.raises(GradebookError, match=r"^the gradebook could not be opened \(.*\); run again$") as refused:
        Recorder(f"sqlite:///{tmp_path / 'nowhere' / 'gradebook.db'}")
    assert "\n" not in str(refused.value)


def test_behind_nbgrader_it_is_the_same(port, marked):
    info = {"student": "ada", "assignment": "port", "notebook": "harbour", "db_url": port.db_url}
    notebook, _ = RecordMarks().preprocess(marked, {"nbgrader": info})
    assert notebook is marked
    assert scores(port)["cmp_dkeel"] == (0.0, None, False)
