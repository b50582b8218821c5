"""A step in small, in a real IPython: the student's own cell beside what is right."""

from __future__ import annotations

import pytest

from tests.dojo.book import RIGHT, SETUP, Book

OF_DE = "example('e', e=[[1, 2, 1], [3, 1, 4]], dtotal=[[1], [2]])"
OF_DTOP = "example('top', a=[[1, 2], [4, 3]], ds=[[1, 2], [3, 4]])"


def run_to(book, last, **changed):
    for cell, source in (RIGHT | changed).items():
        book.run(source, cell)
        if cell == last:
            return


def test_the_target_is_drawn_before_anything_is_written(book):
    said = book.run(OF_DE).splitlines()
    assert said[0].split() == ["e", "dtotal", "de,", "right"]
    assert [line.split() for line in said[1:3]] == [["1", "2", "1", "1", "1", "1", "1"], ["3", "1", "4", *"2222"]]
    assert said[3] == "de is still to do: run this cell again, and yours stands beside it"


def test_a_right_one_is_the_same(book):
    run_to(book, "de_path2")
    said = book.run(OF_DE)
    assert "de, yours" in said
    assert said.endswith("✓ the same\n")


def test_a_wrong_element_is_marked(book):
    run_to(book, "de_path2", de_path2="de = de + dtotal\nde[0, 0] = 5")
    said = book.run(OF_DE)
    assert "5✗" in said
    assert said.endswith("✗ 1 of 6 differ, each with a ✗ behind it\n")


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ("dtop = -ds.sum(0, keepdim=True)", "✗ expected shape (2, 1), found (1, 2)"),
        ("dtop = -ds.sum(1, keepdim=True).view(8, 1)", "yours is not drawn: RuntimeError: shape '[8, 1]' is invalid"),
        ("dtop = -ds.sum(1, keepdim=True) + 0 * b.sum()", "it uses b, which this example does not have"),
        ("dtop = None", "dtop is still to do"),
        ("dtop = -ds.sum(1, keepdim=True).to_sparse()", "✗ expected an ordinary real tensor"),
        ("dtop = (-ds).sum(1, keepdim=True) / 0", "✗ it holds NaN or inf"),
        ("dtop, more = -ds.sum(1, keepdim=True), 2", "✓ the same"),
        ("dtop, ds = -ds.sum(1, keepdim=True), ds", "yours is not drawn: one statement makes dtop and another"),
    ],
)
def test_what_is_not_the_same_says_why(book, answer, says):
    run_to(book, "dtop", dtop=answer)
    assert says in " ".join(book.run(OF_DTOP).split())


def test_nothing_of_the_notebook_is_changed(book):
    book.answer()
    book.run("before = (e.detach().clone(), de.clone(), dtotal.clone())")
    book.run(OF_DE)
    assert book.run("print([torch.equal(x, y) for x, y in zip(before, (e, de, dtotal))])").strip() == str([True] * 3)


def test_without_a_forward_pass():
    book = Book()
    book.run(SETUP.replace("SEED", "3").replace("(n,", "(8,").replace("wide", "5"))
    assert "no forward pass with gradients yet" in book.run("example('e', e=[1])")
    book.close()


def test_what_an_author_has_left_out_is_named(book):
    book.run("try:\n    example('e', dtotal=[[1]])\nexcept ValueError as error:\n    print(error)")
    said = book.run("try:\n    example('e', dtotal=[[1]])\nexcept ValueError as error:\n    print(error)")
    assert said == "example('e', ...) needs e, or what the forward pass makes it of\n"
    said = book.run("try:\n    example('top', top=[[1]], s=[[2]])\nexcept ValueError as error:\n    print(error)")
    assert said == "example('top', ...) needs all that `s = a - top` uses\n"
