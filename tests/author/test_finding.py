from autograder.author.finding import cell_name, error, has_errors, note, warning
from tests.notebooks import markdown, notebook, solution


def test_a_finding_is_one_line_with_its_level_and_place():
    assert error("cell 3 (dx)", "is wrong;\nmend it").line() == "error   cell 3 (dx): is wrong; mend it"
    assert note("", "fine").line() == "note    fine"


def test_only_errors_keep_an_exercise_back():
    assert not has_errors([note("", "a"), warning("", "b")])
    assert has_errors([note("", "a"), error("", "b")])


def test_a_cell_is_named_by_its_place_and_its_id():
    book = notebook(markdown("# A"), solution("dx", "dx = 1"))
    assert [cell_name(book, index) for index in (0, 1)] == ["cell 1", "cell 2 (dx)"]
