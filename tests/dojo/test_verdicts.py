"""What the notebook says is what the mark will be: cmp in a real IPython, tried on other data and sizes."""

from __future__ import annotations

import pytest

from tests.dojo.book import CHECKS, LOCKED, PATH, RIGHT, Book


def test_all_right(book):
    book.answer()
    for number, name in enumerate(CHECKS, start=1):
        assert f"✓ right; {number} of {number} steps" in book.check(name)


@pytest.mark.parametrize(
    ("cell", "answer", "says"),
    [
        ("dtop", "dtop = torch.zeros_like(top)", "the true gradient is zero here, so zeros look right"),
        ("dw", "dw = w.grad.clone()", "this gradient comes from autograd"),
        ("dp", "dp = 2 * p / 40", "right at this notebook's sizes only"),
        ("dtop", "dtop = -(ds * 1.0001).sum(1, keepdim=True)", "zeros look right"),
        ("db", "db = da.sum(0) * 1.001", "the factor `1.001` does not belong there"),
        ("de_path2", "de = de + 0 * dtotal", "the gradient through `total` is missing"),
        ("dp", "dp = None", "still to do"),
        (
            "dp",
            "h = 1e-3\ndp = torch.zeros_like(p)\nfor i in range(p.numel()):\n    q = p.detach().clone()\n"
            "    r = q.clone()\n    q.view(-1)[i] += h\n    r.view(-1)[i] -= h\n"
            "    dp.view(-1)[i] = ((q * q).mean() - (r * r).mean()) / (2 * h)",
            "evaluates the forward pass at shifted values",
        ),
    ],
)
def test_a_wrong_step_gets_no_tick_and_its_reason(book, cell, answer, says):
    book.answer(**{cell: answer})
    said = book.check(cell.partition("_")[0])
    assert says in said
    assert "✓" not in said


@pytest.mark.parametrize(
    ("name", "answer", "earns"),
    [("dp", "dp = 2 * p / 40", "half"), ("dtop", "dtop = torch.zeros_like(top)", "nothing")],
)
def test_what_only_agrees_here_says_what_it_earns(book, name, answer, earns):
    book.answer(**{name: answer})
    assert f"✗ wrong; it agrees with PyTorch here, and earns {earns}" in book.check(name)


@pytest.mark.parametrize(
    ("cell", "answer", "says"),
    [
        ("da", "da = ds.clone()", "the gradient through top, which you left out, adds up to zero"),
        ("dp", "dp = (2 * p / p.numel()).numpy(force=True)", "✓ right"),
        ("dtotal", "dtotal = -(dp.double() * e / total**2).sum(1, keepdim=True).float()", "✓ right"),
        ("ds", "for row in range(n):\n    ds = de * e", "✓ right"),
        ("dw", "dw = torch.zeros_like(w)\nfor i in range(n):\n    dw += torch.outer(x[i], da[i])", "✓ right"),
    ],
)
def test_a_right_step_gets_its_tick_however_it_is_written(book, cell, answer, says):
    book.answer(**{cell: answer})
    said = book.check(cell)
    assert says in said
    assert "✓ right" in said


def test_rounding_is_no_mistake(book):
    """The formula is right; in float32 the small difference of large numbers is not within cmp's tolerance."""
    book.answer(db="db = (da + 300 * wide).sum(0) - 300 * wide * n")
    said = book.check("db")
    assert "approximate: False" in said
    assert "right: the difference is rounding in float32" in said
    assert "✓ right" in said


def test_an_earlier_step_that_was_to_do_when_it_was_compared_is_not_called_wrong(book):
    """Whoever runs all cells first and then writes two steps has not compared the first of them anew."""
    book.answer(da="da = None", dw="dw = None", db="db = None")
    assert "still to do" in book.check("da")
    book.answer(db="db = (da + 300 * wide).sum(0) - 300 * wide * n")
    said = book.check("db")
    assert "approximate: False" in said
    assert "✓ right" in said


def test_what_a_later_step_changes_by_rounding_makes_nothing_out_of_date(book):
    """`da` is `ds` here, so that its path, which adds up to rounding, changes what `dtop` was made from."""
    book.answer(da="da = ds.float()\nda += (a == top) * (dtop + 1e-8)")
    said = book.check("dtop")
    assert "approximate: True" in said
    assert "✓ right" in said


def test_after_a_wrong_one_it_is_right_for_what_it_was_given(book):
    book.answer(ds="ds = -de * e")
    assert "the sign is wrong" in book.check("ds")
    said = book.check("dw")
    assert "right for the gradients that it was given; da is wrong: mend da first" in said
    assert "↪ right for a wrong gradient" in said


@pytest.mark.parametrize(
    "layout",
    [
        "\n".join(RIGHT.values()),
        "if True:\n" + "\n".join(f"    {line}" for line in RIGHT.values()),
        "%%time\n" + "\n".join(RIGHT.values()),
        "def backward():\n"
        + "\n".join(f"    {line}" for line in RIGHT.values())
        + "\n    return dp, dtotal, de, ds, dtop, da, dw, db\ndp, dtotal, de, ds, dtop, da, dw, db = backward()",
    ],
    ids=["one cell", "under if", "with a magic", "a function"],
)
def test_however_it_is_laid_out(book, layout):
    book.run(layout, "all")
    assert [name for name in CHECKS if "✓ right" not in book.check(name)] == []
    book.run(layout.replace("ds = de * e", "ds = de * s"), "all")
    assert [name for name in CHECKS if not {"✓", "↪"} & set(book.check(name))] == ["ds"]


def test_in_the_same_cell_as_its_check(book):
    assert "✓ right" in book.run(f"{RIGHT['dp']}\n{CHECKS['dp']}\ndp = None")


def test_helpers_come_along(book):
    book.run("def spread(t):\n    return t + shift\nshift = 0 * e")
    book.answer(de_path2="de = de + spread(dtotal)")
    assert "✓ right" in book.check("de")


def test_right_until_a_stub_set_it_to_none(book):
    book.run("\n".join(RIGHT.values()), "all")
    book.run("dp = None", "dp")
    said = book.check("dp")
    assert "dp was right until this cell set it to None" in said
    assert "✓" not in said


def test_what_takes_long_is_not_tried_and_says_so(book, monkeypatch):
    from autograder.dojo.trial import run

    monkeypatch.setattr(run, "SECONDS", 0.3)
    book.answer(dp="while n != 8:\n    dp = 1\ndp = 2 * p / p.numel()\nwhile n != 8:\n    dp = dp + 0")
    said = book.check("dp")
    assert "not tried here: its cell takes too long to be tried here; marking decides" in said
    assert "✓" not in said


def test_without_a_seed_nothing_is_claimed(book):
    book.close()
    from tests.dojo.book import Book

    other = Book()
    other.run("n = 8\nwide = 5\nSEED = int(3)", "parameters")
    for cell in ("setup", "forward", "backward"):
        other.run(LOCKED[cell], cell)
    said = other.answer().check("dp")
    assert "not tried here: no cell before the forward pass sets sizes and seeds only" in said
    assert "✓" not in said


def test_nothing_of_the_notebook_is_changed(book):
    book.answer()
    kept = "(torch.get_rng_state(), torch.get_default_dtype(), __import__('random').getstate(), de.clone(), e.grad)"
    book.run(f"before = {kept}", "before")
    book.check("de")
    assert book.run(f"print(all(str(x) == str(y) for x, y in zip(before, {kept})))").strip() == "True"


def test_results_are_in_markings_words(book):
    book.answer(ds="ds = None")
    for name in ("dp", "ds"):
        book.check(name)
    said = book.run("for r in results(): print(r.name, r.verdict, r.points, r.max_points, r.reason)").splitlines()
    assert said[0] in ("dp exact 1.0 1.0 None", "dp approximate 1.0 1.0 None")
    assert said[1].startswith("ds missing 0.0 1.0 still to do")


@pytest.mark.parametrize(
    "helper", ["def half(t):\n    return t / 2", "import math as helper", "scale = 2.0 / (n * wide)"]
)
def test_a_helper_may_be_run_again_behind_the_step(book, helper):
    uses = {
        "def": "dp = half(4 * p) / p.numel()",
        "imp": "dp = helper.sqrt(4) * p / p.numel()",
        "sca": "dp = scale * p",
    }
    book.run(helper, "helper")
    book.answer(dp=uses[helper[:3]])
    assert "✓ right" in book.check("dp")
    book.run(helper, "helper")
    assert "✓ right" in book.check("dp")


@pytest.mark.parametrize(
    ("cell", "answer"),
    [
        ("dp", "dp = torch.zeros_like(p)\nfor row, mine in zip(p.detach(), dp):\n    mine += 2 * row / p.numel()"),
        ("dp", "dp = torch.zeros_like(p)\nflat = dp.view(-1)\nflat[:] = (2 * p / p.numel()).view(-1)"),
        ("dp", "dp = torch.zeros_like(p)\ndef fill(t):\n    t[:] = 2 * p / p.numel()\nfill(dp)"),
        ("dp", "grads = []\ngrads.append(2 * p / p.numel())\ndp = grads[-1]"),
        ("dp", "dp = 2 * p / p.numel()\n%timeit -n1 -r1 dp = 3 * p"),
        ("dp", "print('now')\ndp = 2 * p / p.numel()\nprint(dp.shape)"),
    ],
)
def test_a_right_step_changed_through_another_name_is_right(book, cell, answer):
    book.answer(**{cell: answer})
    assert "✓ right" in book.check(cell)


def test_no_container_of_the_students_is_changed(book):
    book.run("%timeit -n1 -r1 1\nstore = {'de': torch.zeros(n, wide)}", "store")
    book.answer(de_path1="store['de'] += dp / total\nde = store['de']", de_path2="de = de + dtotal")
    book.run("before = store['de'].clone()", "before")
    book.check("de")
    assert book.run("print(bool((store['de'] == before).all()))").strip() == "True"


def test_a_cell_that_was_run_too_early_is_no_setup(book):
    book.close()
    other = Book()
    other.run("for i in range(2):\n    dp = missing[i]", "dp")
    other.open().answer()
    assert "✓ right" in other.check("dp")


def test_a_forward_cell_that_was_edited_is_called_that(book):
    book.answer()
    book.run(LOCKED["forward"] + "\nprint(loss.item())", "forward")
    book.run(LOCKED["backward"], "backward")
    book.answer()
    said = book.check("dp")
    assert "the forward cell was edited" in said
    assert "Traceback" not in said


def test_two_lines_of_ones_own_are_no_forward_pass(book):
    book.answer()
    book.run("q = p**2\nz = q.sum()", "mine")
    assert "✓ right; 1 of 1 steps" in book.check("dp")
    book.run("loss = loss.item()", "loss")
    assert "✓ right" in book.check("dp")
    book.run("dp = 2 * p / 40", "dp")
    assert "right at this notebook's sizes only" in book.check("dp")


def test_a_second_name_is_for_trying_out(book):
    book.answer()
    book.check("ds")
    book.run("ds2 = ds * 0\ncmp('s', ds2, s)", "trying")
    assert "✓ right" in book.check("dtop")


def path(book, **changed):
    """What is said of the first path of `de`, run where it stands in a notebook: before the second one."""
    for cell, source in (RIGHT | changed).items():
        if cell == "de_path2":
            break
        book.run(source, cell)
    return " ".join(book.run(PATH, "path").replace("|", " ").split())


def test_a_right_path_gets_its_tick_and_no_point(book):
    said = path(book)
    assert "approximate: True" in said
    assert "✓ right; one path of several, the point comes with the last" in said
    assert book.run("print(results())").strip() == "[]"
    book.answer()
    assert "✓ right; 1 of 1 steps" in book.check("de")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"de_path1": "de = dp * total"}, "multiplied by `total`, where it must be divided"),
        ({"de_path1": "de = -dp / total"}, "the sign is wrong"),
        ({"de_path1": "de = 2 * p / 40 / total"}, "right at this notebook's sizes only"),
        ({"de_path1": "de = (p.grad / total).detach()"}, "this uses p.grad, which is PyTorch's; use your own dp"),
        ({"de_path1": "de = None"}, "still to do"),
        ({"de_path1": "de = (dp / total).sum(1, keepdim=True)"}, "a sum too many"),
    ],
)
def test_a_wrong_path_gets_no_tick_and_its_reason(book, changed, says):
    said = path(book, **changed)
    assert says in said
    assert "✓" not in said


def test_a_path_is_right_for_a_wrong_gradient(book):
    said = path(book, dp="dp = -2 * p / p.numel()")
    assert "↪ right for a wrong gradient" in said
    assert "dp is wrong: mend dp first" in said


def test_a_path_whose_other_one_has_been_added_since(book):
    path(book)
    book.answer()
    said = " ".join(book.run(PATH, "path").replace("|", " ").split())
    assert "right until cell [12] (`de = de + dtotal`) added to `de`: run cell [11] (`de = dp / total`) again" in said
    assert "✓" not in said
    book.run(RIGHT["de_path1"], "de_path1")
    assert "✓ right; one path" in book.run(PATH, "path")


def test_a_path_and_its_step_in_one_cell(book):
    book.run("\n".join(RIGHT.values()), "all")
    said = book.run(f"{RIGHT['de_path1']}\n{PATH}\n{RIGHT['de_path2']}\n{CHECKS['de']}", "both")
    assert "✓ right; one path" in said
    assert "✓ right; 1 of 1 steps" in said


def test_a_later_step_changed_it_through_a_view(book):
    book.answer(ds="ds = de.view(n, wide)\nds *= e")
    said = book.check("de")
    assert "approximate: False" in said
    assert "de and ds share their memory: what changed ds changed de; use .clone()" in said
    assert "✓ right; 1 of 1 steps" in said  # as in marking, where its code is run alone
    book.answer(de_path2="de = de + 2 * dtotal", ds="ds = de.view(n, wide)\nds *= e")
    said = book.check("de")
    assert "share their memory" in said
    assert "✓" not in said


def test_a_path_without_a_forward_pass(book):
    book.run("q = torch.ones(2, requires_grad=True)\ncmp_path('q, path 1', q, q, q)", "early")
    assert "no forward pass with gradients yet" in book.run("cmp_path('q, path 1', q, q, q)", "again")


def test_an_expression_claims_nothing(book):
    book.answer().check("dp")
    for call in ("cmp('p', p.grad, p)", "cmp('p', 1 * dp, p)", "mine = dp.clone()\ncmp('p', mine, p)"):
        said = " ".join(book.run(call, call).replace("|", " ").split())
        assert "approximate: True" in said
        assert "this is no step, marks are for `dp`" in said
        assert "✓" not in said
    assert book.run("print([r.name for r in results()])").strip() == "['dp']"


@pytest.mark.parametrize(
    "layout",
    [
        "def step():\n    global dp\n    dp = 2 * p / {size}\nstep()",
        "def inner():\n    global dp\n    dp = 2 * p / {size}\ndef outer():\n    inner()\nouter()",
        "def both():\n    global dp, dtotal\n    dp = 2 * p / {size}\n"
        "    dtotal = (-dp * e / total**2).sum(1, keepdim=True)\nboth()",
    ],
    ids=["one", "through another", "two"],
)
def test_a_function_that_sets_a_global_makes_it(book, layout):
    book.run(layout.format(size="p.numel()"), "dp")
    assert "✓ right" in book.check("dp")
    book.run(layout.format(size="40"), "dp")
    said = book.check("dp")
    assert "right at this notebook's sizes only" in said
    assert "✓" not in said


def test_what_cannot_be_tried_says_so_and_claims_nothing():
    book = Book()
    for cell, source in (LOCKED | {"forward": LOCKED["forward"].replace("@ w", "@ held['w']")}).items():
        book.run(source + "\nheld = {'w': w}" if cell == "setup" else source, cell)
    book.answer()
    said = " ".join(book.run("cmp('w', dw, held['w'])", "check").replace("|", " ").split())
    assert "not tried here" in said
    assert "the forward pass reads it from" in said
    assert "✓" not in said
    book.close()


def test_a_sparse_tensor_is_no_answer_and_nothing_raises(book):
    book.answer(dtop="dtop = (-ds.sum(1, keepdim=True)).to_sparse()")
    said = book.check("dtop")
    assert "expected an ordinary real tensor" in said
    assert "✓" not in said
