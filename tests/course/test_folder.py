from pathlib import Path

import pytest

from autograder.course.folder import CourseError, find_exercises, find_submissions


@pytest.fixture
def course(tmp_path, monkeypatch) -> Path:
    """Two exercises, three students: one submitted both, one neither, one another assignment."""
    for name in ("2_second.ipynb", "1_first.ipynb", "names.txt"):
        path = tmp_path / "solutions" / "week1" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    for folder in ("zoe/week1", "amy/week1", "bob/week2"):
        (tmp_path / "submitted" / folder).mkdir(parents=True)
    (tmp_path / "submitted" / "zoe" / "week1" / "1_first.ipynb").touch()
    (tmp_path / "submitted" / "notes.txt").touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("course")
def test_exercises_are_the_assignments_notebooks_in_order():
    assert [path.name for path in find_exercises("week1")] == ["1_first.ipynb", "2_second.ipynb"]


@pytest.mark.usefixtures("course")
def test_one_exercise_can_be_named():
    assert find_exercises("week1", "2_second") == [Path("solutions/week1/2_second.ipynb")]


@pytest.mark.usefixtures("course")
def test_an_unknown_exercise_is_refused_with_those_that_there_are():
    with pytest.raises(CourseError, match="no exercise 3_third in solutions/week1; there are: 1_first, 2_second"):
        find_exercises("week1", "3_third")


@pytest.mark.usefixtures("course")
def test_an_unknown_assignment_is_refused_with_what_to_do():
    with pytest.raises(CourseError, match="no exercise in solutions/week9; run this in the course folder"):
        find_exercises("week9")


def test_submissions_are_all_students_of_the_assignment_even_where_the_file_is_missing(course):
    found = find_submissions(Path("submitted"), "week1", "1_first")
    assert found == [(name, Path(f"submitted/{name}/week1/1_first.ipynb")) for name in ("amy", "zoe")]
    assert [path.exists() for _, path in found] == [False, True]


@pytest.mark.parametrize(
    ("folder", "assignment", "message"),
    [
        ("nowhere", "week1", "nowhere is not a folder; collect submissions first: nbgrader collect week1"),
        ("submitted/notes.txt", "week1", "is not a folder"),
        ("submitted", "week9", "no submission of week9 in submitted; expected submitted/STUDENT/week9/"),
    ],
)
@pytest.mark.usefixtures("course")
def test_a_folder_without_submissions_is_refused_with_what_to_do(folder, assignment, message):
    with pytest.raises(CourseError, match=message):
        find_submissions(Path(folder), assignment, "1_first")
