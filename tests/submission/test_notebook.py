import copy
import json
import os

import nbformat
import pytest

from autograder.submission import file as module
from autograder.submission.file import UnreadableError
from autograder.submission.notebook import read_files, submission_from_notebook, submission_in
from tests import notebooks
from tests.notebooks import by_id, code


def script(submission):
    return [(cell.source, cell.records) for cell in submission.script]


@pytest.fixture
def handed_in():
    """The small exercise as a student hands it in: one short line in each solution cell."""
    notebook = notebooks.tide()
    for grade_id, cell in by_id(notebook).items():
        if cell.metadata["nbgrader"]["solution"]:
            cell.source = f"{grade_id}!"
    return notebook


def test_only_the_students_own_cells_run_and_each_gradient_is_recorded_behind_its_last_cell(tide, handed_in):
    assert script(submission_from_notebook(handed_in, tide)) == [
        ("", ()),
        ("dcrest!", ("dcrest",)),
        ("dwave_path1!", ()),
        ("dfoam!", ("dfoam",)),
        ("dwave_path2!", ("dwave",)),
        ("dtide!", ("dtide",)),
    ]


def test_an_undamaged_submission_has_no_flags(tide, handed_in):
    assert submission_from_notebook(handed_in, tide).flags == ()


def test_sources_and_indices_are_those_of_a_gradients_own_cells(tide, handed_in):
    submission = submission_from_notebook(handed_in, tide)
    assert submission.sources["dwave"] == ("dwave_path1!", "dwave_path2!")
    assert [handed_in.cells[i].source for i in submission.indices["dwave"]] == ["dwave_path1!", "dwave_path2!"]


def test_added_cells_run_where_they_stand(tide, handed_in):
    handed_in.cells.insert(0, code("first"))
    handed_in.cells.append(code("last"))
    sources = [source for source, _ in script(submission_from_notebook(handed_in, tide))]
    assert sources[1] == "first"
    assert sources[-1] == "last"


def test_a_cell_between_solution_and_check_still_counts(tide, handed_in):
    position = handed_in.cells.index(by_id(handed_in)["cmp_dcrest"])
    handed_in.cells.insert(position, code("between"))
    assert script(submission_from_notebook(handed_in, tide))[1:3] == [("dcrest!", ()), ("between", ("dcrest",))]


def test_without_its_check_cell_a_gradient_is_recorded_behind_its_last_solution_cell(tide, handed_in):
    handed_in.cells.remove(by_id(handed_in)["cmp_dcrest"])
    submission = submission_from_notebook(handed_in, tide)
    assert script(submission)[1] == ("dcrest!", ("dcrest",))
    assert submission.flags == ("the check cell cmp_dcrest is missing",)


def test_without_any_cell_of_its_own_a_gradient_is_recorded_at_the_end(tide, handed_in):
    for grade_id in ("dcrest", "cmp_dcrest"):
        handed_in.cells.remove(by_id(handed_in)[grade_id])
    submission = submission_from_notebook(handed_in, tide)
    assert script(submission)[-1] == ("dtide!", ("dtide", "dcrest"))
    assert (submission.sources["dcrest"], submission.indices["dcrest"]) == ((), ())


def test_a_check_cell_before_all_of_the_students_cells_is_recorded_before_they_run(tide, handed_in):
    ids = by_id(handed_in)
    handed_in.cells.remove(ids["dcrest"])
    handed_in.cells.remove(ids["cmp_dcrest"])
    handed_in.cells.insert(0, ids["cmp_dcrest"])
    assert script(submission_from_notebook(handed_in, tide))[0] == ("", ("dcrest",))


def test_every_gradient_is_recorded_exactly_once_even_of_an_empty_notebook(tide):
    submission = submission_from_notebook(notebooks.notebook(), tide)
    assert script(submission) == [("", ("dcrest", "dfoam", "dwave", "dtide"))]


def test_an_edited_locked_cell_is_flagged_and_does_not_run(tide, handed_in):
    by_id(handed_in)["forward"].source = "loss = 0"
    submission = submission_from_notebook(handed_in, tide)
    assert submission.flags == ("the locked cell forward was edited; the original was used",)
    assert "loss = 0" not in [source for source, _ in script(submission)]


def test_white_space_around_a_locked_cell_is_no_edit(tide, handed_in):
    by_id(handed_in)["forward"].source += "\n"
    assert submission_from_notebook(handed_in, tide).flags == ()


@pytest.mark.parametrize("info", [None, "x", 5, {}, {"grade_id": 5}, {"grade_id": ["x"]}, {"grade_id": "unknown"}])
def test_a_locked_cell_that_lost_its_metadata_is_known_by_its_text(tide, handed_in, info):
    expected = script(submission_from_notebook(handed_in, tide))
    by_id(handed_in)["forward"].metadata["nbgrader"] = info
    assert script(submission_from_notebook(handed_in, tide)) == expected


def test_a_solution_cell_with_an_unknown_id_runs_as_an_ordinary_cell(tide, handed_in):
    by_id(handed_in)["dcrest"].metadata["nbgrader"]["grade_id"] = "mine"
    submission = submission_from_notebook(handed_in, tide)
    assert script(submission)[1] == ("dcrest!", ("dcrest",))
    assert submission.sources["dcrest"] == ()


def test_the_autograd_cell_never_runs_even_without_its_id(tide, handed_in):
    cell = by_id(handed_in)["autograd"]
    del cell.metadata["nbgrader"]
    cell.source += "\nprint('edited')"
    assert not any("backward" in source for source, _ in script(submission_from_notebook(handed_in, tide)))


def test_of_two_cells_with_one_id_both_run_and_the_last_counts(tide, handed_in):
    again = copy.deepcopy(by_id(handed_in)["dcrest"])
    again.source = "again!"
    handed_in.cells.append(again)
    submission = submission_from_notebook(handed_in, tide)
    assert submission.flags == ("two cells have the id dcrest",)
    assert submission.sources["dcrest"] == ("again!",)
    assert script(submission)[1] == ("dcrest!", ())
    assert script(submission)[-1] == ("again!", ("dcrest",))


def test_a_solution_cell_that_was_turned_into_text_is_code_again_as_in_nbgrader(tide, handed_in):
    by_id(handed_in)["dcrest"].cell_type = "markdown"
    assert script(submission_from_notebook(handed_in, tide))[1] == ("dcrest!", ("dcrest",))


def test_text_does_not_run(tide, handed_in):
    handed_in.cells.insert(0, notebooks.markdown("text"))
    handed_in.cells.insert(0, nbformat.v4.new_raw_cell("raw"))
    assert script(submission_from_notebook(handed_in, tide))[1] == ("dcrest!", ("dcrest",))


def test_a_notebook_is_read_from_its_file(tide, handed_in, tmp_path):
    nbformat.write(handed_in, tmp_path / "tide.ipynb")
    assert submission_in(read_files(tmp_path / "tide.ipynb", tide), tide) == submission_from_notebook(handed_in, tide)


def as_json(**changes):
    notebook = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []} | changes
    return json.dumps({key: value for key, value in notebook.items() if value is not None}).encode()


def one_cell(**changes):
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "source": "", "outputs": [], "execution_count": None}
    return as_json(cells=[cell | changes])


def test_the_smallest_notebook_is_read(tide, tmp_path):
    (tmp_path / "x.ipynb").write_bytes(one_cell(source="x = 1"))
    assert script(submission_in(read_files(tmp_path / "x.ipynb", tide), tide))[1][0] == "x = 1"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        as_json(nbformat=99),
        as_json(nbformat="x"),
        as_json(cells=None),
        as_json(cells=3),
        as_json(cells={"a": 1}),
        as_json(cells=[3]),
        as_json(cells=[{}]),
        one_cell(source=1),
        one_cell(source=[1]),
        one_cell(source=None),
        one_cell(cell_type=1),
    ],
)
def test_a_file_that_is_no_notebook_is_refused_with_what_to_do(tide, tmp_path, content):
    path = tmp_path / "x.ipynb"
    path.write_bytes(content)
    with pytest.raises(UnreadableError, match=r"^x\.ipynb .*; open it in Jupyter, save and submit again$"):
        submission_in(read_files(path, tide), tide)


def _fifo(path):
    os.mkfifo(path)


def _folder(path):
    path.mkdir()


def _link(path):
    target = path.with_name("elsewhere.ipynb")
    nbformat.write(notebooks.tide(), target)
    path.symlink_to(target)


def _nothing(path):
    pass


@pytest.mark.parametrize("make", [_fifo, _folder, _link, _nothing])
def test_what_is_no_plain_file_is_refused_at_once(tide, tmp_path, make):
    make(tmp_path / "x.ipynb")
    with pytest.raises(UnreadableError, match=r"x\.ipynb (is not a plain file|is a link|cannot be opened)"):
        submission_in(read_files(tmp_path / "x.ipynb", tide), tide)


def test_an_oversized_notebook_is_refused_with_how_to_shrink_it(tide, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MAX_NOTEBOOK_BYTES", 2**20)
    (tmp_path / "x.ipynb").write_bytes(b" " * 3 * 2**20)
    with pytest.raises(UnreadableError, match=r"x\.ipynb has 3 MB, the limit is 1 MB; clear its outputs"):
        submission_in(read_files(tmp_path / "x.ipynb", tide), tide)


def test_a_file_of_nothing_but_values_is_refused_before_they_become_objects(tide, tmp_path):
    (tmp_path / "x.ipynb").write_bytes(as_json(metadata={"x": [[]] * (module.MAX_PARTS // 2)}))
    with pytest.raises(UnreadableError, match=r"x\.ipynb has \d+ values, the limit is \d+; clear its outputs"):
        submission_in(read_files(tmp_path / "x.ipynb", tide), tide)


def test_more_cells_than_anyone_writes_are_refused_whatever_their_kind(tide, tmp_path):
    (tmp_path / "x.ipynb").write_bytes(as_json(cells=[notebooks.markdown("x")] * 5001))
    with pytest.raises(UnreadableError, match=r"x\.ipynb has 5001 cells, the limit is 5000; take out"):
        submission_in(read_files(tmp_path / "x.ipynb", tide), tide)


@pytest.mark.parametrize(
    "cells", [[code("x")] * 1001, [code("x" * 2**18), code("y")], [code("x\n" * 5000)], [code("x;" * 5000)]]
)
def test_code_without_end_is_refused_before_it_is_parsed(tide, handed_in, cells):
    handed_in.cells += cells
    with pytest.raises(UnreadableError, match=r"take out what the exercise does not need and submit again$"):
        submission_from_notebook(handed_in, tide)


def test_text_may_be_long(tide, handed_in):
    """A picture that was pasted into a text cell is text."""
    handed_in.cells.append(notebooks.markdown("x" * 2**19))
    assert submission_from_notebook(handed_in, tide).flags == ()
