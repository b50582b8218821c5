from autograder.exercise.cells import has_tag, is_locked, nbgrader_info
from tests.notebooks import check, code, locked, solution


def test_a_cell_is_locked_where_nbgrader_restores_it():
    assert [is_locked(c) for c in (locked("a", "1"), check("b"), solution("c", "1"), code("1"))] == [
        True,
        True,
        False,
        False,
    ]


def test_metadata_of_another_form_is_none():
    assert nbgrader_info({"metadata": {"nbgrader": "locked"}}) == {}
    assert not has_tag({"metadata": {"tags": "forward"}}, "forward")
    assert has_tag(locked("a", "1", "forward"), "forward")
