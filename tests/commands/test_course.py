"""The course in the current folder."""

from __future__ import annotations

from autograder.commands.course import CourseFolder


def test_folders_are_those_of_nbgraders_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    here = CourseFolder.here()
    assert (here.submitted, here.autograded, here.feedback) == ("submitted", "autograded", "feedback")
    (tmp_path / "nbgrader_config.py").write_text("c = get_config()\nc.CourseDirectory.submitted_directory = 'in'\n")
    assert CourseFolder.here().submitted == "in"


def test_what_was_kept_and_who_submitted(port, keep):
    keep("ada")
    port.hand_in("ben")
    course = CourseFolder.here()
    ((exercise, cache),) = course.exercises("port")
    assert [found.result.student for found in cache.all()] == ["ada"]
    assert list(course.files("port", exercise.name)) == ["ada", "ben"]
    assert course.files("starboard", "x") == {}
    assert not course.settings.secret.exists()  # looking makes none
    assert [(row.student, row.outdated) for row in course.overview("port").rows] == [("ada", ()), ("ben", ("harbour",))]
    assert [row.student for row in course.overview("port", "b*").rows] == ["ben"]


def test_notebooks_of_nbgraders_own_kind_are_left_out(port, keep):
    import nbformat

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1 + 1")])
    nbformat.write(notebook, port.folder / "solutions" / "port" / "essay.ipynb")
    assert [exercise.name for exercise, _ in CourseFolder.here().exercises("port")] == ["harbour"]
