"""The notebook's state is never taken for a mistake, and once the sentence is obeyed it is gone."""

from __future__ import annotations

import pytest

from tests.dojo.book import BACKWARD, CHECKS, FORWARD, LOCKED, RIGHT, SETUP


@pytest.fixture(name="done")
def _done(book):
    return book.answer()


def again(book, *cells):
    for cell in cells:
        book.run((LOCKED | RIGHT)[cell], cell)


def test_an_earlier_gradient_was_made_anew(done):
    done.run("dp = 3 * p", "dp")
    done.answer()
    done.run("dp = 2 * p / p.numel() * 1", "dp")
    done.run("dp = 4 * p / p.numel()", "dp")
    said = done.check("dtotal")
    assert "`dp` was made anew after `dtotal`: run cell [" in said
    assert "✓" not in said
    again(done, "dp", "dtotal")
    assert "✓ right" in done.check("dtotal")


def test_a_path_was_added_twice(done):
    again(done, "de_path2")
    said = done.check("de")
    assert "was run 2 times and added to `de` each time" in said
    again(done, "de_path1", "de_path2")
    assert "✓ right" in done.check("de")


def test_the_first_path_was_made_again(done):
    again(done, "de_path1")
    said = done.check("de")
    assert "adds to `de`, but ran before" in said
    again(done, "de_path2")
    assert "✓ right" in done.check("de")


def test_a_later_cell_that_overwrites_is_no_matter_of_order(done):
    done.run("de = dtotal.expand(e.shape)", "de_path2")
    again(done, "de_path1")
    done.run("de = dtotal.expand(e.shape)", "de_path2")
    assert "ran before" not in done.check("de")
    done.run("de += dp / total", "de_more")
    done.run("de = dtotal.expand(e.shape)", "de_last")
    assert "ran before" not in done.check("de")


def test_a_forward_tensor_has_another_value(done):
    done.run("p = dp * 2", "mine")
    said = done.check("dp")
    assert "`p` belongs to the forward pass, and cell [" in said
    assert "(`p = dp * 2`) changes it" in said
    done.run("q = dp * 2", "mine")
    again(done, "forward", "backward", *RIGHT)
    assert "✓ right" in done.check("dp")


def test_a_forward_tensor_was_changed_in_place(done):
    done.run("with torch.no_grad():\n    e.mul_(2)", "mine")
    assert "`e` belongs to the forward pass" in done.check("ds")


def test_a_setup_cell_was_run_again(done):
    done.run(SETUP + "\nx = x + 1", "setup")
    said = done.check("dw")
    assert "was run again after the forward pass" in said
    again(done, "forward", "backward", *RIGHT)
    assert "✓ right" in done.check("dw")


def test_its_cell_raised(done):
    done.run("ds = de * nothing", "ds")
    said = done.check("ds")
    assert "raised NameError: name 'nothing' is not defined: mend the cell and run it again" in said
    again(done, "ds")
    assert "✓ right" in done.check("ds")


def test_the_cell_of_a_later_path_raised(book):
    book.answer(de_path2="de = de + dtotal @ w")
    said = book.check("de")
    assert "`de = de + dtotal @ w`) raised RuntimeError: mat1 and mat2 shapes cannot be multiplied" in said
    assert "the gradient through" not in said


def test_only_the_forward_cell_was_run(book):
    book.run(FORWARD, "forward")
    book.run(RIGHT["dp"], "dp")
    said = book.check("dp")
    assert "PyTorch has no gradient for it yet: run the cell with loss.backward() first" in said
    book.run(BACKWARD, "backward")
    assert "✓ right" in book.check("dp")


def test_what_is_up_to_date_is_not_called_stale(done):
    assert [name for name in CHECKS if "again" in done.check(name)] == []


def test_one_name_for_all_gradients_is_not_called_stale(done):
    done.answer(
        de_path1="h = dp / total\nde = h", de_path2="h = de + dtotal\nde = h", ds="h = h.clone()\nds = 2 * h * e"
    )
    said = done.check("ds")
    assert "does not hold" not in said
    assert "approximate: False" in said
    done.run("h = 3 * dp / total\nde = h", "de_path1")
    assert "`ds` does not hold what its code makes" in done.check("ds")


def test_a_name_of_the_setup_was_overwritten(done):
    done.run("for x in range(3):\n    pass", "mine")
    said = done.check("dw")
    assert "`x` belongs to the notebook, and cell [" in said
    assert "use another name there; run cell [2] (`import torch`) again" in said
    done.run("for k in range(3):\n    pass", "mine")
    again(done, "setup", "forward", "backward", *RIGHT)
    assert "✓ right" in done.check("dw")


def test_no_innocent_cell_is_blamed(done):
    done.run("def g(t):\n    a = t + 1\n    a[0] = 0\n    return a", "mine")
    done.run("with torch.no_grad():\n    w -= 0.1 * w.grad", "update")
    said = done.check("dp")
    assert "def g" not in said


LOOP = """\
h = b.expand(len(x), -1)
hs = []
for t in range(n):
    h = torch.tanh(x @ w + h)
    hs.append(h)
H = torch.stack(hs)
loss = (H * H).sum()"""


def test_what_a_loop_assigns_again_is_not_called_stale(book):
    book.run(LOOP, "forward")
    book.run("H.retain_grad()\nloss.backward()", "backward")
    book.run("dH = 2 * H", "dH")
    check = "cmp('H', dH, H)"
    assert "✓ right" in book.run(check, "cmp_dH")
    assert book.run("print(len(hs))", "count") == "8\n"  # no turn was run on the notebook's own list
    book.run("h = 0 * h", "mine")
    said = " ".join(book.run(check, "cmp_dH").replace("|", " ").split())
    assert "`h` belongs to the forward pass, and cell [10] (`h = 0 * h`) changes it" in said


def test_the_cell_with_backward_was_run_twice(book):
    book.answer()
    book.run("for t in (w, b):\n    t.grad = None\nloss.backward()", "backward")
    said = book.check("dw")
    assert "was run again, and its graph is gone by then: run the forward cell, and then it once" in said
    assert "✓" not in said
    book.run(LOCKED["forward"], "forward")
    book.run(LOCKED["backward"], "backward")
    assert "✓ right" in book.check("dw")
