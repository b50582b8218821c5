"""Wrong cells are found without running anything, each with its place and a cure."""

import pytest

from autograder.author.finding import Level
from autograder.author.layout import layout_findings
from autograder.exercise.notebook import exercise_from_notebook
from tests.notebooks import by_id, code, solution


def said(changed, edit=None, **pieces):
    return [finding.line() for finding in layout_findings(*changed(edit, **pieces))]


def test_nothing_is_wrong_with_the_example(changed):
    assert said(changed) == []


def _untag(grade_id):
    return lambda book: by_id(book)[grade_id].metadata.update(tags=[])


def _info(grade_id, **more):
    return lambda book: by_id(book)[grade_id].metadata["nbgrader"].update(more)


def _move(grade_id, to):
    def move(book):
        cell = by_id(book)[grade_id]
        book.cells.remove(cell)
        book.cells.insert(book.cells.index(by_id(book)[to]), cell)

    return move


def _source(grade_id, source):
    return lambda book: by_id(book)[grade_id].update(source=source)


def _no_points(book):
    for cell in by_id(book).values():
        if cell.metadata["nbgrader"]["grade"]:
            cell.metadata["nbgrader"]["points"] = 0


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (_untag("parameters"), "error   no cell has the tag parameters"),
        (_info("autograd", locked=False), "(autograd): has the tag autograd but is not locked"),
        (_move("cmp_dh", "dh"), "(cmp_dh): compares before cell"),
        (_source("dh", "dh = dz2 @ W2.T"), "(dh): needs one line ### BEGIN SOLUTION"),
        (_source("dh", "### BEGIN SOLUTION\n### END SOLUTION"), "(dh): has no answer between its two lines"),
        (lambda book: book.cells.append(solution("dz", "dz = 1")), "(dz): has no check cell; add cmp('z', dz, z)"),
        (lambda book: book.cells.append(solution("train", "pass")), "warning cell"),
        (lambda book: book.cells.insert(2, code("extra = 1")), "stands before the forward cell and is not locked"),
        (_info("cmp_dh", locked=False), "(cmp_dh): is a check cell that students can edit"),
        (_source("cmp_dh", "cmp('hidden', dh, h)"), "compares dh under the name 'hidden'"),
        (_no_points, "all check cells have 0 points"),
    ],
)
def test_a_wrong_cell_is_said_with_what_to_do(changed, edit, says):
    assert any(says in line for line in said(changed, edit)), said(changed, edit)


def test_fewer_path_cells_than_lines_is_said_with_the_lines(changed):
    forward = ("loss = ", "other = h * 2\nthird = h + 1\nloss = (other * third).sum() - ")

    def two_paths(book):
        cells = by_id(book)
        cells["dh"].metadata["nbgrader"]["grade_id"] = "dh_path1"
        book.cells.insert(book.cells.index(cells["dh"]) + 1, solution("dh_path2", "dh = dh + 1"))

    found = [line for line in said(changed, two_paths, forward=forward) if "path cells" in line]
    assert "marks 2 path cells, but h is used by 3 lines (third, other, z2)" in found[0]


def test_a_line_that_reads_a_tensors_shape_only_is_no_path_of_it(changed):
    forward = ("loss = ", "other = (h * 2).view(h.shape[0], -1)\nthird = other.view(h.size())\nloss = third.sum() - ")

    def two_paths(book):
        cells = by_id(book)
        cells["dh"].metadata["nbgrader"]["grade_id"] = "dh_path1"
        book.cells.insert(book.cells.index(cells["dh"]) + 1, solution("dh_path2", "dh = dh + 1"))

    assert not [line for line in said(changed, two_paths, forward=forward) if "path cells" in line]


def test_dojo_must_lie_beside_an_exercise_that_imports_it(changed, tmp_path):
    book, _ = changed()
    elsewhere = exercise_from_notebook(book, tmp_path / "x.ipynb")
    found = list(layout_findings(book, elsewhere))
    assert [finding.level for finding in found] == [Level.ERROR]
    assert "copy autograder/dojo there" in found[0].text


def test_a_bonus_is_no_step_without_points(changed):
    def bonus(book):
        by_id(book)["cmp_dh"].source = "cmp('h', dh, h, bonus=2)"
        by_id(book)["cmp_dh"].metadata["nbgrader"]["points"] = 0

    assert said(changed, bonus) == []
    assert any("earns no points" in line for line in said(changed, _info("cmp_dh", points=0)))
