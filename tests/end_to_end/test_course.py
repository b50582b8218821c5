"""A whole course with the real nbgrader program: eleven commands, a real exchange folder, a real gradebook."""

from __future__ import annotations

import contextlib
import io
import math
import re
from typing import Any

import nbformat
import pytest
from nbgrader.utils import determine_grade

from demo.commands import ASSIGNMENT, Course
from demo.sample_class import cells_by_id

from .classroom import ABSENT, EMPTY, EXERCISE, HANDED_IN, LATE, THROUGH_EXCHANGE, Round, checks, page_text
from .conftest import Graded, Resubmitted, Term

STUDENTS = sorted(HANDED_IN)
CMP_LINE = re.compile(r"\w+ +\| exact: (True |False) \| approximate: (True |False) \| maxdiff: \S+")


class TestTheElevenCommands:
    def test_the_released_folder_has_the_notebook_and_what_it_needs(self, term: Term) -> None:
        outbound = term.course.exchange / "backprop-dojo" / "outbound" / ASSIGNMENT
        released = {path.name for path in outbound.iterdir()}
        assert released == {f"{EXERCISE}.ipynb", "names.txt", "dojo"}

    def test_list_shows_the_released_assignment(self, term: Term) -> None:
        assert f"backprop-dojo {ASSIGNMENT}" in term.said["list"]

    def test_fetched_notebook_has_no_solution(self, term: Term) -> None:
        course = term.course
        solution, _ = solution_and_released_lines(course)
        outbound = course.exchange / "backprop-dojo" / "outbound" / ASSIGNMENT / f"{EXERCISE}.ipynb"
        assert len(solution) >= 30
        assert not [line for line in solution if line in outbound.read_text()]

    def test_submissions_land_under_the_hub_names(self, term: Term) -> None:
        assert term.collected == THROUGH_EXCHANGE

    def test_a_renamed_notebook_is_refused_at_submission(self, term: Term) -> None:
        assert f"Assignment {ASSIGNMENT} not submitted. There are missing notebooks" in term.said["renamed"]
        assert f"{EXERCISE}.ipynb: MISSING" in term.said["renamed"]
        assert "mine.ipynb: EXTRA" in term.said["renamed"]

    def test_autograde_writes_every_submission(self, graded: Graded) -> None:
        assert set(graded.round.notebooks) == set(HANDED_IN)

    @pytest.mark.parametrize("name", ["ada", "ben", "eve"])
    def test_feedback_reaches_each_student(self, graded: Graded, name: str) -> None:
        page = feedback_page(graded.course, name)
        score = graded.marks[name]["score"]
        assert f"{EXERCISE} (Score: {score} / 26.0)" in page_text(page)

    def test_who_did_not_submit_through_the_exchange_is_named(self, graded: Graded) -> None:
        """And keeps nobody else's feedback back."""
        for name in ("fay", "jun"):
            folder = graded.course.folder / "feedback" / name / ASSIGNMENT
            assert f"{name} did not use nbgrader submit: hand over {folder} yourself" in graded.said["release_feedback"]
        released = {path.name for path in (graded.course.exchange / "backprop-dojo" / "feedback").iterdir()}
        assert len(released) == len(THROUGH_EXCHANGE)

    def test_export_has_the_marks_of_the_gradebook(self, graded: Graded) -> None:
        exported = {name: float(row["score"]) for name, row in graded.round.export.items()}
        assert exported == graded.round.scores | {ABSENT: 0.0}


class TestBothWaysOfGradingAgree:
    @pytest.mark.parametrize("name", STUDENTS)
    def test_every_step_and_the_sum(self, graded: Graded, name: str) -> None:
        marks, grades = graded.marks[name], graded.round.grades[name]
        by_step = {f"cmp_{step['name']}": step["points"] for step in marks["steps"]}
        assert len(by_step) == 26
        assert {check: grade.auto for check, grade in grades.items()} == by_step
        assert graded.round.scores[name] == marks["score"] == sum(by_step.values())
        assert {grade.max_score for grade in grades.values()} == {1.0}

    def test_the_class_is_not_all_alike(self, graded: Graded) -> None:
        """Or the comparison above would prove little."""
        scores = graded.round.scores
        assert scores["ada"] == 26.0
        assert scores["ben"] == scores["jun"] == 0.0
        assert 0.0 < scores["fay"] < scores["eve"] < 26.0

    def test_wrong_steps_lose_their_own_marks(self, graded: Graded) -> None:
        grades = graded.round.grades["fay"]
        lost = {"cmp_dW2", "cmp_dbnbias", "cmp_dbnmeani"}
        before = list(grades)[: list(grades).index("cmp_dbnmeani")]
        assert [grades[check].auto for check in lost] == [0.0] * 3
        assert {grades[check].auto for check in before if check not in lost} == {1.0}

    def test_gradients_copied_from_pytorch_earn_nothing(self, graded: Graded) -> None:
        assert {step["verdict"] for step in graded.marks["jun"]["steps"]} == {"autograd"}


class TestDamagedNotebooks:
    """autograde's exit code 0 is part of `graded`: a command that fails raises."""

    def test_tampering_changes_no_mark(self, graded: Graded) -> None:
        """An edited check cell, raised points, a lost, a deleted and a retyped one, an edited forward pass, a bonus."""
        grades = graded.round.grades["eve"]
        assert {check: grade.auto for check, grade in grades.items() if grade.auto != 1.0} == {"cmp_dC": 0.0}
        assert len(grades) == 26

    def test_tampering_is_told_to_the_instructor(self, graded: Graded) -> None:
        flags = " ".join(graded.marks["eve"]["flags"])
        for cell in ("forward", "cmp_dC", "cmp_db1", "cmp_dh", "cmp_dW2"):
            assert cell in flags

    def test_deleted_cells_cost_their_step_only(self, graded: Graded) -> None:
        grades = graded.round.grades["lena"]
        assert {check: grade.auto for check, grade in grades.items() if grade.auto != 1.0} == {
            "cmp_dbnbias": 0.0,
            "cmp_db1": 0.0,
        }

    @pytest.mark.parametrize("name", STUDENTS)
    def test_all_check_cells_are_back_as_released(self, graded: Graded, name: str) -> None:
        released = nbformat.read(graded.course.folder / "assignments" / ASSIGNMENT / f"{EXERCISE}.ipynb", as_version=4)
        there = checks(graded.round.notebooks[name])
        assert {check: cell.source for check, cell in there.items()} == {
            check: cell.source for check, cell in checks(released).items()
        }

    def test_an_empty_submission_is_missing_and_stops_nobody(self, graded: Graded) -> None:
        marks = graded.marks[EMPTY]
        assert (marks["status"], marks["score"], marks["max_score"]) == ("missing", 0.0, 26.0)
        assert f"there is no {EXERCISE}.ipynb in the submission" in marks["error"]

    def test_what_nbgrader_cannot_read_stops_nobody(self, resubmitted: Resubmitted) -> None:
        """A renamed notebook and one that is cut off: named, without a mark, and the others are graded."""
        assert "nora" in resubmitted.said
        assert "ugo: " in resubmitted.said
        assert {name: resubmitted.after.scores[name] for name in ("nora", "ugo")} == {"nora": 0.0, "ugo": 0.0}
        assert resubmitted.after.scores["ben"] == 26.0


class TestCheckCells:
    @pytest.mark.parametrize("name", STUDENTS)
    def test_each_ends_in_one_plain_score(self, graded: Graded, name: str) -> None:
        steps = {f"cmp_{step['name']}": step for step in graded.marks[name]["steps"]}
        cells = checks(graded.round.notebooks[name])
        assert set(cells) == set(steps)
        for check, cell in cells.items():
            text, score = one_stream_and_one_result(cell)
            assert CMP_LINE.fullmatch(text.splitlines()[0]), text
            assert steps[check]["verdict"] in text.split("\n", 1)[1]
            assert determine_grade(cell) == (score, 1.0)
            assert score == steps[check]["points"]

    def test_what_students_print_is_not_in_a_check_cell(self, graded: Graded) -> None:
        """And what they send to stderr does not cost the mark of the step."""
        notebook = graded.round.notebooks["fay"]
        solution = "".join(output.get("text", "") for output in cells_by_id(notebook)["dlogprobs"].outputs)
        assert "oops" in solution
        assert "oops" not in str(checks(notebook)["cmp_dlogprobs"].outputs)
        assert graded.round.grades["fay"]["cmp_dlogprobs"].auto == 1.0

    def test_an_exception_is_shown_under_the_students_own_cell(self, graded: Graded) -> None:
        outputs = cells_by_id(graded.round.notebooks["fay"])["dbnbias"].outputs
        assert [output.ename for output in outputs if output.output_type == "error"] == ["NameError"]


class TestFeedbackPages:
    def test_the_reasons_are_those_of_the_results(self, graded: Graded, regraded: Round) -> None:
        reasons = {step["name"]: step["hint"] for step in graded.marks["fay"]["steps"]}
        assert "the sign is wrong" in reasons["dbnmeani"]
        assert "this is the transpose of the gradient" in reasons["dW2"]
        text = page_text(regraded.feedback["fay"])
        assert all(reasons[name] in text for name in ("dbnmeani", "dW2"))

    def test_every_step_has_its_verdict(self, graded: Graded) -> None:
        for name in ("ada", "ben", "eve"):
            text = page_text(feedback_page(graded.course, name))
            for step, check in zip(graded.marks[name]["steps"], checks(graded.round.notebooks[name]), strict=True):
                cell = text.split(f"Grade cell: {check}\n", 1)[1].split("Grade cell:", 1)[0]
                assert f"Score: {step['points']} / 1.0" in cell
                assert step["verdict"] in cell
                # Once more in the list at the top; the bare number that nbgrader reads is not shown to people.
                assert f"{step['name']} {step['verdict']}, {step['points']:g} / 1\n" in text.split("Grade cell:", 1)[0]
                assert "Out[" not in cell

    def test_a_persons_mark_comment_and_the_penalty_are_shown(self, regraded: Round) -> None:
        ada, lena = (page_text(regraded.feedback[name]) for name in ("ada", LATE))
        assert f"{EXERCISE} (Score: 25.5 / 26.0)" in ada
        assert "dC exact, 0.5 / 1\n" in ada
        assert "Comments on: dC\n" in ada
        assert "Right, but see index_add_." in ada
        assert f"{EXERCISE} (Score: 0.0 / 26.0)" in lena
        assert re.search(r"late: \d+ days?, 24 taken off", " ".join(lena.split()))

    def test_no_solution_line_that_the_student_did_not_write(self, graded: Graded) -> None:
        solution, released = solution_and_released_lines(graded.course)
        pages = {name: lines(page_text(feedback_page(graded.course, name))) for name in ("ada", "ben")}
        assert solution <= pages["ada"] - released
        assert not solution & pages["ben"]

    def test_no_reference_value(self, graded: Graded) -> None:
        numbers = reference_numbers(graded.course)
        assert len(numbers) > 1000
        shown = set(re.findall(r"[1-9]\d{5}", page_text(feedback_page(graded.course, "ben")).replace(".", "")))
        assert not numbers & shown

    def test_no_secret_and_no_seed_in_what_the_grader_wrote(self, graded: Graded) -> None:
        assert (graded.course.folder / "course-secret").is_file()
        secrets = {path.read_text() for path in graded.course.folder.rglob("*secret*") if path.is_file()}
        for name in ("ada", "ben", "eve"):
            text = feedback_page(graded.course, name)
            assert not [secret for secret in secrets if secret.strip() in text]
        for notebook in graded.round.notebooks.values():
            for cell in checks(notebook).values():
                assert "seed" not in str(cell.outputs).lower()
                assert str(graded.course.folder) not in str(cell.outputs)


class TestGradingAgain:
    def test_without_force_nothing_changes(self, graded: Graded) -> None:
        assert graded.again == graded.round

    def test_a_manual_grade_and_a_comment_survive(self, graded: Graded, regraded: Round) -> None:
        assert graded.round.grades["ada"]["cmp_dC"].manual is None
        assert regraded.written["ada"] > graded.round.written["ada"]
        grade = regraded.grades["ada"]["cmp_dC"]
        assert (grade.auto, grade.manual, grade.score) == (1.0, 0.5, 0.5)
        assert regraded.comments["ada"]["dC"] == "Right, but see index_add_."
        assert regraded.scores["ada"] == 25.5

    def test_all_other_marks_stay(self, graded: Graded, regraded: Round) -> None:
        again = {name: score for name, score in regraded.scores.items() if name != "ada"}
        assert again == {name: score for name, score in graded.round.scores.items() if name != "ada"}

    def test_a_newer_submission_is_collected_and_graded(self, resubmitted: Resubmitted) -> None:
        before, after = resubmitted.before, resubmitted.after
        assert (before.scores["ben"], after.scores["ben"]) == (0.0, 26.0)
        newer = {name for name, time in before.written.items() if after.written[name] != time}
        assert newer == {"ben"}


class TestLateAndAbsent:
    def test_late_by_default_keeps_the_mark(self, graded: Graded) -> None:
        row = graded.round.export[LATE]
        assert row["timestamp"] > row["duedate"]
        assert (row["raw_score"], row["late_submission_penalty"], row["score"]) == ("24.0", "0.0", "24.0")

    def test_late_with_the_penalty_has_0_and_says_why(self, regraded: Round) -> None:
        row = regraded.export[LATE]
        assert (row["raw_score"], row["late_submission_penalty"], row["score"]) == ("24.0", "24.0", "0.0")
        others = {name: row["late_submission_penalty"] for name, row in regraded.export.items() if name != LATE}
        assert {float(penalty) for penalty in others.values()} == {0.0}

    def test_without_a_submission_the_export_says_0(self, graded: Graded) -> None:
        row = graded.round.export[ABSENT]
        assert (row["timestamp"], row["score"], row["max_score"]) == ("", "0.0", "26.0")


class TestAnUnreadableExercise:
    def test_the_old_marks_stay(self, resubmitted: Resubmitted, broken: Round) -> None:
        """A fault of ours is nobody's 0: nbgrader ends with an error and records nothing."""
        assert resubmitted.after.scores["ben"] == broken.scores["ben"] == 26.0
        assert broken.grades["ben"] == resubmitted.after.grades["ben"]

    def test_others_keep_theirs(self, resubmitted: Resubmitted, broken: Round) -> None:
        others = {name: score for name, score in broken.scores.items() if name != "ben"}
        assert others == {name: score for name, score in resubmitted.after.scores.items() if name != "ben"}


def one_stream_and_one_result(cell: Any) -> tuple[str, float]:
    """The text and the score of a check cell, which has nothing beside them."""
    stream, result = cell.outputs
    assert (stream.output_type, stream.name) == ("stream", "stdout")
    assert result.output_type == "execute_result"
    score = float(result.data["text/plain"])
    assert result.data["text/plain"] == repr(score)
    assert math.isfinite(score)
    assert 0.0 <= score <= cell.metadata["nbgrader"]["points"]
    return stream.text, score


def feedback_page(course: Course, name: str) -> str:
    """The page in the student's own folder."""
    (page,) = (course.home(name) / ASSIGNMENT / "feedback").glob(f"*/{EXERCISE}.html")
    return page.read_text()


def lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines() if line.strip()}


def solution_and_released_lines(course: Course) -> tuple[set[str], set[str]]:
    """The lines that only a solution has, and all lines of the released notebook."""
    parts = ("solutions", "assignments")
    solution, released = (
        nbformat.read(course.folder / part / ASSIGNMENT / f"{EXERCISE}.ipynb", as_version=4) for part in parts
    )
    public = lines("\n".join(cell.source for cell in released.cells))
    answers = [cell.source for cell in cells_by_id(solution).values() if cell.metadata["nbgrader"]["solution"]]
    secret = {line for line in lines("\n".join(answers)) if not line.startswith("###")}
    return secret - public, public


def reference_numbers(course: Course) -> set[str]:
    """The first six digits of every reference gradient, computed here by the notebook's own cells."""
    folder = course.folder / "solutions" / ASSIGNMENT
    notebook = nbformat.read(folder / f"{EXERCISE}.ipynb", as_version=4)
    names: dict[str, Any] = {}
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(io.StringIO()):
        patch.syspath_prepend(str(folder))
        for cell in notebook.cells:
            if cell.cell_type == "code":
                exec(cell.source, names)
            if "autograd" in cell.metadata.get("tags", []):
                break
    numbers = set()
    for check in checks(notebook):
        tensor = names[check.removeprefix("cmp_d")]
        for value in tensor.grad.flatten().tolist():
            digits = f"{abs(value):.5e}".partition("e")[0].replace(".", "")
            if not digits.endswith("000"):  # a round number may stand anywhere
                numbers.add(digits)
    return numbers
