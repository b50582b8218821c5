"""Ctrl-C, kill -9, a locked database, a full disk: nothing that was finished is lost, nothing is half-written."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest

from demo.commands import Course
from tests.notebooks import HARBOUR_ANSWERS, by_id

from .harbour_course import (
    ASSIGNMENT,
    EXERCISE,
    Programs,
    Running,
    hand_in,
    new_harbour_course,
    results,
    rows,
    twin,
)

# Right, wrong in one way each, and one that is slow enough to be met in the middle.
ANSWERS = [
    HARBOUR_ANSWERS,
    HARBOUR_ANSWERS | {"dkeel": "dkeel = -(sail.T @ dmast)"},
    HARBOUR_ANSWERS | {"dswell_path2": ""},
    HARBOUR_ANSWERS | {"dpart": "dpart = torch.zeros_like(part)"},
    HARBOUR_ANSWERS | {"drope": "import time\ntime.sleep(0.02)\ndrope = dmast.sum(0)"},
    {},
]
STUDENTS = [f"student{number:02d}" for number in range(14)]
KILLS = 20


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Programs]:
    folder = tmp_path_factory.mktemp("programs")
    (folder / "tmp").mkdir()
    programs = Programs(folder, folder / "tmp")
    yield programs
    programs.close()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Course:
    """The course with a class of submissions, not graded; tests work on copies."""
    course = new_harbour_course(tmp_path_factory.mktemp("original"))
    for number, student in enumerate(STUDENTS):
        hand_in(course, student, ANSWERS[number % len(ANSWERS)], "2024-05-01 10:00:00 UTC")
    return course


@pytest.fixture
def course(original: Course, tmp_path: Path) -> Course:
    return twin(original, tmp_path / "course")


@pytest.fixture(scope="module")
def undisturbed(original: Course, programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Course:
    """A copy that was graded in one go."""
    course = twin(original, tmp_path_factory.mktemp("undisturbed"))
    code, said = programs.run(course, "--gradebook", "--json", "marks.json", "--jobs", "2")
    assert code == 0, said
    return course


def marks(course: Course) -> list[dict]:
    return results(course.folder / "marks.json")


def stored(course: Course) -> dict[str, int]:
    """The numbers of the stored results' rows by student; a result that is written again has another."""
    path = course.folder / ".autograder" / ASSIGNMENT / f"{EXERCISE}.db"
    if not path.is_file():
        return {}
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        try:
            rows = connection.execute("SELECT student, rowid FROM kept").fetchall()
        except sqlite3.OperationalError:  # it is just being made
            return {}
    return {student.decode(): number for student, number in rows}


def assert_nothing_is_half_written(course: Course) -> None:
    """Every notebook can be read, and no temporary file is there that is not one of a run that was killed."""
    for path in course.folder.glob(f"autograded/*/*/{EXERCISE}.ipynb"):
        nbformat.validate(nbformat.read(path, as_version=4))
    connection = sqlite3.connect(course.folder / "gradebook.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_the_class_is_not_all_alike(undisturbed: Course) -> None:
    """Or the comparisons below would prove little."""
    scores = {s["student"]: s["score"] for s in marks(undisturbed)}
    assert list(scores) == STUDENTS
    assert {0.0, 7.0, 7.5, 8.0} <= set(scores.values())
    assert {name: row["score"] for name, row in rows(undisturbed).items()} == scores


@pytest.fixture(scope="module")
def stopped(
    original: Course, programs: Programs, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Course, int, str, list[dict]]:
    """The course, exit code, words and marks of a run that was interrupted in the middle."""
    course = twin(original, tmp_path_factory.mktemp("stopped"))
    running = programs.start(course, "--gradebook", "--json", "marks.json", "--jobs", "2")
    wait_for(lambda: len(stored(course)) >= 3)
    os.killpg(running.pid, signal.SIGINT)
    code, said = running.wait()
    assert code == 130, said
    return course, code, said, marks(course)


class TestCtrlC:
    def test_those_in_hand_are_finished_and_the_others_are_not_begun(self, stopped, undisturbed: Course) -> None:
        course, _, _, done = stopped
        assert 3 <= len(done) < len(STUDENTS)
        assert {s["student"] for s in done} == set(rows(course)) == stored(course).keys()
        assert {s["status"] for s in done} == {"graded"}
        full = {s["student"]: s for s in marks(undisturbed)}
        assert all(s == full[s["student"]] for s in done)

    def test_it_says_how_to_go_on(self, stopped) -> None:
        _, code, said, done = stopped
        assert code == 130
        left = len(STUDENTS) - len(done)
        assert f"autograder: stopped: {len(done)} are graded, {left} are left; run the command again to go on" in said
        assert "stopping: those in hand are being finished (Ctrl-C again: at once)" in said
        assert not [word for word in ("Traceback", "Warning", "Aborted") if word in said]

    def test_a_second_run_completes(self, stopped, programs: Programs, undisturbed: Course) -> None:
        course, _, _, done = stopped
        code, said = programs.run(course, "--gradebook", "--json", "marks.json")
        assert code == 0
        assert f"{EXERCISE}: {len(done)} unchanged since they were graded (--force: all)" in said
        assert marks(course) == marks(undisturbed)
        assert rows(course) == rows(undisturbed)


def test_ctrl_c_before_the_first_keeps_nothing_from_going_on(course: Course, programs: Programs) -> None:
    """While the references are computed and the sandboxes start."""
    keep_only(course, 2)
    running = programs.start(course, "--json", "marks.json", "--jobs", "1")
    wait_for(lambda: running.workers())
    os.killpg(running.pid, signal.SIGINT)
    code, said = running.wait()
    assert code == 130, said
    assert (marks(course), stored(course)) == ([], {})
    assert "0 are graded, 2 are left" in said


class TestAgain:
    """What is graded again, told by the row of the stored result."""

    @pytest.fixture
    def graded(self, undisturbed: Course, tmp_path: Path) -> Course:
        return twin(undisturbed, tmp_path / "graded")

    @staticmethod
    def again(course: Course, programs: Programs, *args: str) -> set[str]:
        """Who is graded by a second run."""
        before = stored(course)
        code, said = programs.run(course, *args)
        assert code == 0, said
        return {student for student, number in stored(course).items() if number != before.get(student)}

    def test_nobody_where_nothing_changed(self, graded: Course, programs: Programs) -> None:
        assert self.again(graded, programs, "--json", "marks.json", "--gradebook") == set()
        assert len(marks(graded)) == len(STUDENTS)

    def test_all_with_force(self, graded: Course, programs: Programs) -> None:
        assert self.again(graded, programs, "--force") == set(STUDENTS)

    def test_a_submission_that_changed(self, graded: Course, programs: Programs) -> None:
        hand_in(graded, STUDENTS[1], HARBOUR_ANSWERS)
        assert self.again(graded, programs, "--json", "marks.json", "--gradebook") == {STUDENTS[1]}
        assert marks(graded)[1]["score"] == rows(graded)[STUDENTS[1]]["score"] == 8.0

    def test_an_autograded_notebook_that_is_gone(self, graded: Course, programs: Programs) -> None:
        page = graded.folder / "autograded" / STUDENTS[2] / ASSIGNMENT / f"{EXERCISE}.ipynb"
        page.unlink()
        assert self.again(graded, programs) == set()
        assert self.again(graded, programs, "--gradebook") == {STUDENTS[2]}
        assert page.exists()

    def test_what_is_not_in_the_gradebook_yet(self, course: Course, programs: Programs) -> None:
        keep_only(course, 2)
        assert self.again(course, programs) == set(STUDENTS[:2])
        assert rows(course) == {}
        assert self.again(course, programs, "--gradebook") == set(STUDENTS[:2])
        assert set(rows(course)) == set(STUDENTS[:2])

    @pytest.mark.parametrize("what", ["secret", "exercise"])
    def test_all_after_another(self, graded: Course, programs: Programs, what: str) -> None:
        keep_only(graded, 1)
        source = graded.folder / "solutions" / ASSIGNMENT
        if what == "secret":
            (graded.folder / "course-secret").write_text("fedcba9876543210" * 4)
        else:
            path = source / f"{EXERCISE}.ipynb"
            notebook = nbformat.read(path, as_version=4)
            by_id(notebook)["cmp_dkeel"].metadata["nbgrader"]["points"] = 2
            nbformat.write(notebook, path)
        assert self.again(graded, programs) == {STUDENTS[0]}


def keep_only(course: Course, count: int) -> None:
    """Take the other submissions away."""
    for student in STUDENTS[count:]:
        shutil.rmtree(course.folder / "submitted" / student)


class TestKilled:
    def test_at_twenty_random_moments(self, course: Course, programs: Programs, undisturbed: Course) -> None:
        """Each run goes on from where the one before was killed; in the end all is as if nothing had been."""
        chance = random.Random(20)
        killed = 0
        begun = set()
        for _ in range(KILLS):
            done = len(stored(course))
            running = programs.start(course, "--gradebook", "--jobs", "2")
            begun |= kill_in_the_middle(running, course, done + chance.choice((0, 0, 0, 1, 1)), chance)
            code, _ = running.wait()
            killed += code == -signal.SIGKILL
            assert_nothing_is_half_written(course)
            assert set(rows(course)) >= stored(course).keys()
        assert killed >= KILLS - 2  # the last may have been quicker
        wait_for(lambda: not any(map(alive, begun)))
        assert begun
        code, said = programs.run(course, "--gradebook", "--json", "marks.json")
        assert code == 0, said
        assert marks(course) == marks(undisturbed)
        assert rows(course) == rows(undisturbed)


def kill_in_the_middle(running: Running, course: Course, results: int, chance: random.Random) -> set[int]:
    """Wait for so many results in all and a moment more, then kill -9; the workers that it had."""
    workers: set[int] = set()

    def met() -> bool:
        workers.update(running.workers())
        return not alive(running.pid) or (bool(workers) and len(stored(course)) >= results)

    wait_for(met)
    time.sleep(chance.random() * 0.05)
    workers |= running.workers()
    os.kill(running.pid, signal.SIGKILL)
    return workers


class TestNoWayToWrite:
    def test_a_locked_database_is_one_line(self, course: Course, programs: Programs) -> None:
        keep_only(course, 1)
        connection = sqlite3.connect(course.folder / "gradebook.db", isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        code, said = programs.run(course, "--gradebook", "--json", "marks.json")
        connection.execute("ROLLBACK")
        connection.close()
        assert code == 1
        assert said.count("\n") == 1
        assert "locked" in said
        assert said.startswith("autograder: ")
        assert_nothing_is_half_written(course)
        assert rows(course) == {}
        assert programs.run(course, "--gradebook")[0] == 0
        assert set(rows(course)) == {STUDENTS[0]}

    def test_a_database_that_is_locked_while_it_grades(self, course: Course, programs: Programs) -> None:
        running = programs.start(course, "--gradebook", "--jobs", "1")
        wait_for(lambda: len(stored(course)) >= 2)
        connection = sqlite3.connect(course.folder / "gradebook.db", isolation_level=None, timeout=30)
        connection.execute("BEGIN EXCLUSIVE")
        code, said = running.wait()
        connection.execute("ROLLBACK")
        connection.close()
        assert code == 1
        assert "Traceback" not in said
        (line,) = [line for line in said.splitlines() if line.startswith("autograder: ")]
        assert "database is locked" in line
        assert "run again" in line
        assert_nothing_is_half_written(course)
        assert set(rows(course)) >= stored(course).keys()

    # The largest file that can be written: less than an autograded notebook, than the gradebook; what is printed fits.
    @pytest.mark.parametrize("room", [9_000, 40_000])
    def test_a_full_disk_is_one_line(self, course: Course, programs: Programs, undisturbed: Course, room: int) -> None:
        keep_only(course, 2)
        code, said = programs.run(course, "--gradebook", "--json", "marks.json", file_bytes=room)
        assert code in (0, 1)
        assert "Traceback" not in said
        assert [line for line in said.splitlines() if line.startswith("autograder: ")] or "crashed" in said
        assert_nothing_is_half_written(course)
        assert not list(course.folder.rglob(".*.json.*"))
        assert not list(course.folder.rglob(f".{EXERCISE}.ipynb.*"))
        code, said = programs.run(course, "--gradebook", "--json", "marks.json")
        assert code == 0, said
        assert marks(course) == marks(undisturbed)[:2]

    def test_results_that_cannot_be_written_are_one_line(self, course: Course, programs: Programs) -> None:
        keep_only(course, 1)
        assert programs.run(course)[0] == 0
        marks_file = course.folder / "marks.json"
        marks_file.write_text("what was there before")
        code, said = programs.run(course, "--json", "marks.json", file_bytes=1500)
        assert code == 1
        assert said.splitlines()[1:] == ["autograder: the results could not be written: [Errno 27] File too large"]
        assert marks_file.read_text() == "what was there before"
