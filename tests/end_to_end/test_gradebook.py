"""`autograder grade --gradebook` leaves what `nbgrader autograde` leaves, and nbgrader goes on from there."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import nbformat
import pytest
from nbgrader.utils import determine_grade

from demo.commands import Course
from tests.notebooks import HARBOUR_ANSWERS, by_id

from .classroom import checks, page_text
from .harbour_course import (
    ASSIGNMENT,
    EXERCISE,
    hand_in,
    new_harbour_course,
    open_gradebook,
    rows,
    submitted,
    twin,
)

DUE = datetime(2024, 5, 2, 12)
IN_TIME, LATE = "2024-05-01 10:00:00 UTC", "2024-05-03 10:00:00 UTC"
BOTH = ["ada", "ben", "cleo", "dee", "eli", "fay", "hal", "ivy"]
# Only with us: nbgrader does not see somebody without any notebook.
OURS = ["gil", "hal"]
PLUGIN = """
from nbgrader.plugins import LateSubmissionPlugin

class Half(LateSubmissionPlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score / 2
"""
SAYS = {
    "gil": f"there is no {EXERCISE}.ipynb in the submission",
    "hal": f"{EXERCISE}.ipynb is not a Jupyter notebook",
}


@dataclass(frozen=True)
class Graded:
    """Graded by nbgrader and by us. first: the rows after the first round; again: after a person's own marks."""

    theirs: Course
    ours: Course
    first: tuple[dict[str, Any], dict[str, Any]]
    again: tuple[dict[str, Any], dict[str, Any]]
    said: tuple[str, str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A course in which nobody has submitted, and nothing was graded; tests work on copies."""
    return new_harbour_course(tmp_path_factory.mktemp("made"))


@pytest.fixture(scope="module")
def graded(made: Course, tmp_path_factory: pytest.TempPathFactory) -> Graded:
    theirs = twin(made, tmp_path_factory.mktemp("theirs"))
    config = theirs.folder / "nbgrader_config.py"
    config.write_text(config.read_text() + '\nc.AssignLatePenalties.plugin_class = "half_late.Half"\n')
    (theirs.folder / "half_late.py").write_text(PLUGIN)
    with open_gradebook(theirs) as gradebook:
        gradebook.update_or_create_assignment(ASSIGNMENT, duedate=DUE)
        gradebook.add_student("zoe")  # who hands in nothing
    hand_in(theirs, "ada", HARBOUR_ANSWERS, IN_TIME)
    hand_in(theirs, "ben", HARBOUR_ANSWERS | {"dkeel": "dkeel = nonsense", "dswell_path2": ""}, IN_TIME)
    hand_in(theirs, "cleo", {}, IN_TIME)
    hand_in(theirs, "dee", HARBOUR_ANSWERS, LATE)
    hand_in(theirs, "eli", HARBOUR_ANSWERS | {"drope": "print('thoughts')\ndrope = dmast"})
    hand_in(theirs, "fay", HARBOUR_ANSWERS, IN_TIME)
    damage(theirs, "fay")
    (submitted(theirs, "ada").parent / "notes.txt").write_text("my own notes")
    hand_in(theirs, "hal", {}, IN_TIME)
    submitted(theirs, "hal").write_text('{"cells": [')
    hand_in(theirs, "ivy", HARBOUR_ANSWERS)
    (submitted(theirs, "ivy").parent / "timestamp.txt").write_bytes(LATE.encode("utf-16"))
    ours = twin(theirs, tmp_path_factory.mktemp("ours"))
    submitted(ours, "gil").parent.mkdir(parents=True)
    said, first = grade_both(theirs, ours)
    for course in (theirs, ours):
        with open_gradebook(course) as gradebook:
            gradebook.find_grade("cmp_dkeel", EXERCISE, ASSIGNMENT, "ben").manual_score = 0.25
            gradebook.find_grade("cmp_dmast", EXERCISE, ASSIGNMENT, "ada").extra_credit = 1.5
            gradebook.find_comment("dkeel", EXERCISE, ASSIGNMENT, "ben").manual_comment = "Nearly."
            gradebook.db.commit()
    return Graded(theirs, ours, first, grade_both(theirs, ours, "--force")[1], said)


def damage(course: Course, student: str) -> None:
    """A check cell and its answer are gone, and another check cell's metadata."""
    path = submitted(course, student)
    notebook = nbformat.read(path, as_version=4)
    cells = by_id(notebook)
    for grade_id in ("drope", "cmp_drope"):
        notebook.cells.remove(cells[grade_id])
    del cells["cmp_dflat"].metadata["nbgrader"]
    nbformat.write(notebook, path)


def grade_both(
    theirs: Course, ours: Course, *more: str
) -> tuple[tuple[str, str], tuple[dict[str, Any], dict[str, Any]]]:
    """What both said and the gradebooks' rows after they have graded."""
    with ThreadPoolExecutor(2) as pool:
        nbgrader = pool.submit(theirs.instructor, "nbgrader", "autograde", ASSIGNMENT, *more)
        command = ("autograder", "grade", "submitted", "--assignment", ASSIGNMENT, "--gradebook", *more)
        said = ours.instructor(*command)
        lines = nbgrader.result()
    assert "Warning" not in said
    return (lines, said), (rows(theirs), rows(ours))


@pytest.mark.parametrize("student", BOTH)
class TestTheSameRows:
    def test_after_the_first_round(self, graded: Graded, student: str) -> None:
        theirs, ours = graded.first
        assert ours[student] == theirs[student]

    def test_after_a_persons_own_marks(self, graded: Graded, student: str) -> None:
        theirs, ours = graded.again
        assert ours[student] == theirs[student]

    def test_and_the_same_pages(self, graded: Graded, student: str) -> None:
        theirs, ours = (page(course, student) for course in (graded.theirs, graded.ours))
        assert [(c.cell_type, c.source, c.get("outputs")) for c in ours.cells] == [
            (c.cell_type, c.source, c.get("outputs")) for c in theirs.cells
        ]
        assert [c.metadata for c in ours.cells if "nbgrader" in c.metadata] == [
            c.metadata for c in theirs.cells if "nbgrader" in c.metadata
        ]

    def test_and_the_same_files_beside_them(self, graded: Graded, student: str) -> None:
        theirs, ours = (
            {path.name for path in (course.folder / "autograded" / student / ASSIGNMENT).iterdir()}
            for course in (graded.theirs, graded.ours)
        )
        assert ours - {"timestamp.txt"} == theirs - {"timestamp.txt"}
        assert "chart.txt" in ours
        assert ("notes.txt" in ours) == (student == "ada")


def page(course: Course, student: str) -> Any:
    """The autograded notebook."""
    return nbformat.read(course.folder / "autograded" / student / ASSIGNMENT / f"{EXERCISE}.ipynb", as_version=4)


class TestWhatTheyAre:
    """Or the comparisons above would prove little."""

    def test_marks(self, graded: Graded) -> None:
        scores = {student: row["score"] for student, row in graded.first[1].items()}
        assert scores == {"ada": 8, "ben": 6.5, "cleo": 0, "dee": 8, "eli": 7, "fay": 7, "gil": 0, "hal": 0, "ivy": 8}

    def test_the_late_penalty(self, graded: Graded) -> None:
        penalties = {student: row["penalty"] for student, row in graded.first[1].items() if row["penalty"]}
        assert penalties == {"dee": 4.0}

    def test_timestamps(self, graded: Graded) -> None:
        assert graded.first[1]["dee"]["timestamp"] == datetime(2024, 5, 3, 10)
        assert graded.first[1]["eli"]["timestamp"] is None

    def test_autograde_says_a_line_a_submission_with_its_flags(self, graded: Graded) -> None:
        lines = [line for line in graded.said[0].splitlines() if "INFO" in line and ": harbour " in line]
        assert [line.split("] ")[1].split(":")[0] for line in lines] == BOTH
        (fay,) = [line for line in lines if "fay" in line]
        assert fay.endswith("harbour 7 / 8 (the check cell cmp_dflat is missing; the check cell cmp_drope is missing)")
        assert len(graded.said[0].splitlines()) <= len(BOTH) + 6

    def test_both_say_who_is_late_and_who_is_missing(self, graded: Graded) -> None:
        for said in graded.said:
            assert "missing: 1 student of the gradebook has handed in nothing: zoe" in said
        assert "dee: late: 1 day, 4 taken off" in graded.said[0]
        (dee,) = [line for line in graded.said[1].splitlines() if "dee" in line]
        assert "4 / 8" in dee
        assert "late: 1 day" in dee

    def test_comments_for_what_was_left_untouched(self, graded: Graded) -> None:
        comments = {student: row["comments"] for student, row in graded.first[1].items()}
        assert set(comments["cleo"].values()) == {("No response.", None)}
        assert set(comments["ada"].values()) == {(None, None)}

    def test_a_persons_own_marks_stay_and_are_looked_at_again(self, graded: Graded) -> None:
        ben, ada = graded.again[1]["ben"], graded.again[1]["ada"]
        auto, manual, _, needs_manual_grade, score, *_ = ben["grades"]["cmp_dkeel"]
        assert (auto, manual, needs_manual_grade, score) == (0.0, 0.25, True, 0.25)
        assert ben["comments"]["dkeel"][1] == "Nearly."
        assert (ben["score"], ada["score"]) == (6.75, 9.5)
        assert (ben["notebook"][1], ada["notebook"][1]) == (True, False)


class TestWithoutANotebook:
    @pytest.mark.parametrize("student", OURS)
    def test_it_is_an_explained_0_on_a_page(self, graded: Graded, student: str) -> None:
        cells = checks(page(graded.ours, student))
        assert len(cells) == 8
        for cell in cells.values():
            assert determine_grade(cell)[0] == 0.0
            assert SAYS[student] in cell.outputs[0].text

    @pytest.mark.parametrize("student", OURS)
    def test_it_is_in_the_gradebook(self, graded: Graded, student: str) -> None:
        row = graded.first[1][student]
        assert {grade[0] for grade in row["grades"].values()} == {0.0}
        assert row["notebook"][1] is False


class TestGoingOn:
    @pytest.fixture(scope="module")
    @staticmethod
    def done(graded: Graded) -> Course:
        """Feedback pages and grades.csv, by nbgrader, from what we wrote."""
        with ThreadPoolExecutor(2) as pool:
            export = pool.submit(graded.ours.instructor, "nbgrader", "export")
            graded.ours.instructor("nbgrader", "generate_feedback", ASSIGNMENT)
            export.result()
        return graded.ours

    @pytest.mark.parametrize(
        ("student", "says"),
        [
            ("ada", "Score: 9.5 / 8.0"),
            ("ben", "NameError: name 'nonsense' is not defined"),
            ("ben", "Nearly."),
            ("cleo", "No response."),
            ("dee", "late: 1 day, 4 taken off, 4 of it here"),
            ("eli", "thoughts"),
            ("gil", "submit it under this name"),
            ("hal", "open it in Jupyter, save and submit again"),
        ],
    )
    def test_feedback(self, done: Course, student: str, says: str) -> None:
        assert says in page_text((done.folder / "feedback" / student / ASSIGNMENT / f"{EXERCISE}.html").read_text())

    def test_export(self, done: Course, graded: Graded) -> None:
        with (done.folder / "grades.csv").open() as file:
            exported = {row["student_id"]: float(row["raw_score"]) for row in csv.DictReader(file)}
        assert exported == {"zoe": 0.0} | {student: row["score"] for student, row in graded.again[1].items()}


@pytest.mark.parametrize(
    ("setting", "score"),
    [
        ("credit={'exact': 0, 'approximate': 0}", 0.0),
        ("limits={'result_bytes': 1}", 0.0),
        ("secret=another-secret", 8.0),
        ("isolation=process", 8.0),
    ],
)
def test_a_setting_on_nbgraders_command_line_counts(made: Course, tmp_path, setting: str, score: float) -> None:
    """They were all ignored: with no credit for a right step, students had full marks."""
    course = twin(made, tmp_path)
    hand_in(course, "ada", HARBOUR_ANSWERS, IN_TIME)
    course.instructor("nbgrader", "autograde", ASSIGNMENT, f"--MarkByEngine.{setting}")
    assert rows(course)["ada"]["score"] == score
    assert (course.folder / "another-secret").exists() == setting.startswith("secret")
