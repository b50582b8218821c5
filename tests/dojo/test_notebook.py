"""cmp and progress in a notebook: a real IPython shell, the forward cell found among the cells that were run."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

from autograder.dojo import Comparison

CMP_LINE = re.compile(r"^\w+ +\| exact: (True |False) \| approximate: (True |False) \| maxdiff: \S+$")
PARAMETERS = "SIZE = 6\nSEED = 3"
SETUP = """\
import torch
from autograder.dojo import cmp, cmp_all, progress
g = torch.Generator().manual_seed(SEED)
n = SIZE
sail = torch.randn((n, 3), generator=g)
keel = torch.randn((3, 4), generator=g, requires_grad=True)
rope = torch.randn(4, generator=g, requires_grad=True)"""
FORWARD = """\
# the forward pass
mast = sail @ keel + rope
wave = torch.tanh(mast)
foam = wave**2 + 1
crest = wave.exp() * foam
loss = crest.mean()"""
BACKWARD = "for t in (mast, wave, foam, crest):\n    t.retain_grad()\nloss.backward()"
RIGHT = {
    "dcrest": "dcrest = torch.ones_like(crest) / crest.numel()",
    "dfoam": "dfoam = dcrest * wave.exp()",
    "dwave": "dwave = dcrest * crest + dfoam * 2 * wave",
    "dmast": "dmast = dwave * (1 - wave**2)",
    "drope": "drope = dmast.sum(0)",
    "dkeel": "dkeel = sail.T @ dmast",
}
NAMES = [name.removeprefix("d") for name in RIGHT]
Notebook = Callable[..., str]


@pytest.fixture(name="notebook")
def _notebook(capsys: pytest.CaptureFixture[str]) -> Iterator[Notebook]:
    """Run the exercise with some answers changed, then a last cell: what that cell printed."""
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance()

    def run(last: str, *more: str, compared: Iterable[str] = NAMES, **answers: str) -> str:
        checks = [f"cmp('{name}', d{name}, {name})" for name in compared]
        for source in (PARAMETERS, SETUP, FORWARD, BACKWARD, *(RIGHT | answers).values(), *more, *checks):
            shell.run_cell(source, store_history=True).raise_error()
        capsys.readouterr()
        shell.run_cell(last, store_history=True).raise_error()
        return capsys.readouterr().out

    yield run
    InteractiveShell.clear_instance()


class TestCmp:
    @pytest.mark.parametrize("name", ["crest", "foam", "wave", "mast", "rope", "keel"])
    def test_of_a_right_step_is_its_line(self, notebook, name):
        lines = notebook(f"cmp('{name}', d{name}, {name})").splitlines()
        assert CMP_LINE.match(lines[0])
        assert lines[-1].strip() == "| ✓ right; 6 of 6 steps compared so far"

    @pytest.mark.parametrize(
        ("name", "answer", "says"),
        [
            ("crest", "dcrest = torch.ones_like(crest)", "must be divided by `crest.numel()`: this factor is missing"),
            ("wave", "dwave = dcrest * crest", "the gradient through `foam` is missing"),
            (
                "wave",
                "dwave = dcrest * crest + dfoam * wave",
                "`dfoam * wave` must be multiplied by `2`: this factor is missing (in the gradient through `foam`)",
            ),
            ("mast", "dmast = dwave * (1 - wave)", "`wave` must be squared (in the derivative of"),
            ("mast", "dmast = -dwave * (1 - wave**2)", "the sign is wrong"),
            ("mast", "dmast = dwave", "dwave as it arrived"),
            ("rope", "drope = dmast", "the sum over axis 0 is missing: `rope` was broadcast along axis 0 (size 6)"),
            ("keel", "dkeel = dmast.T @ sail", "this is the transpose of the gradient"),
            ("keel", "dkeel = (sail.T @ dmast) / 0", "NaN or inf, first at [0, 0]"),
        ],
    )
    def test_of_a_wrong_step_says_why_below_its_line(self, notebook, name, answer, says):
        lines = notebook(f"cmp('{name}', d{name}, {name})", **{f"d{name}": answer}).splitlines()
        assert CMP_LINE.match(lines[0])
        below = "                | "
        assert lines[1].startswith(below)
        reason = [line for line in lines[1:] if "elements are off" not in line]
        assert max(map(len, reason)) <= 68
        assert says in " ".join(line.removeprefix(below) for line in reason)

    def test_the_text_of_the_picture_says_where(self, notebook):
        said = notebook("cmp('rope', drope, rope)", drope="drope = dmast.sum(0)\ndrope[2] += 1")
        assert said.splitlines()[-1].strip() == "| 1 of 4 elements are off; most at [2]"

    def test_a_right_step_after_a_wrong_one_follows_from_it(self, notebook):
        said = notebook("cmp('rope', drope, rope)", dmast="dmast = dwave * 3")
        sentence = " ".join(said.replace("|", " ").split())
        assert "right for the gradients that it was given; dmast is wrong: mend dmast first" in sentence
        assert "↪ right for a wrong gradient" in said

    def test_a_wrong_step_after_a_wrong_one_has_its_own_reason(self, notebook):
        said = notebook("cmp('rope', drope, rope)", dmast="dmast = dwave * 3", drope="drope = -dmast.sum(0)")
        assert "the sign is wrong" in said

    def test_a_gradient_changed_through_another_of_its_memory(self, notebook):
        answers = {"dmast": "dmast = dwave\ndmast *= 1 - wave**2"}
        assert "dwave and dmast share their memory" in notebook("cmp('wave', dwave, wave)", **answers)

    def test_the_label_need_not_be_the_name(self, notebook):
        assert "the sign is wrong" in notebook("cmp('the wave', -dwave, wave)")

    def test_values_that_have_changed_since_are_not_explained(self, notebook):
        said = notebook("cmp('wave', -dwave, wave)", "foam.data *= 2").splitlines()
        assert said[1].endswith("| this is no step, marks are for `dwave`")
        assert len(said) == 3

    def test_nothing_of_the_notebook_is_changed(self, notebook):
        names = "(dwave.clone(), wave.grad.clone(), torch.get_rng_state(), torch.get_default_dtype())"
        check = f"before = {names}\ncmp('wave', -dwave, wave)\nafter = {names}\n"
        said = notebook(check + "print([bool((a == b).all()) for a, b in zip(before[:3], after[:3])])")
        assert said.splitlines()[-1] == "[True, True, True]"


class TestProgress:
    def test_all_steps_by_their_sign(self, notebook):
        said = notebook("progress()", dmast="dmast = dwave * 3", dkeel="dkeel = None")
        assert "✓ wave" in said
        assert "✗ mast" in said
        assert "↪ rope" in said
        assert "· keel" in said
        assert "✓ 3 right, ✗ 1 wrong, ↪ 1 right for a wrong gradient, · 1 to do" in said
        assert "fails at: mast ← wave" in said

    def test_the_path_that_is_missing(self, notebook):
        assert "fails at: wave ← foam" in notebook("progress()", dwave="dwave = dcrest * crest")

    def test_what_no_cell_has_compared_is_no_step_to_do(self, notebook):
        """Not all of the forward pass is asked for, and a gradient may be given."""
        said = notebook("progress()", compared=("wave", "keel"), dmast="dmast = -dwave", dkeel="dkeel = None")
        assert said.splitlines()[0] == "· keel  ○ rope  ○ mast  ✓ wave  ○ foam  ○ crest"
        assert said.splitlines()[1] == "✓ 1 right, · 1 to do, ○ 4 not compared so far"

    def test_a_row_of_cmp_all_is_compared_too(self, notebook):
        rows = "cmp_all(('wave', dwave, wave), ('foam', dfoam, foam))"
        assert "✓ 2 right, · 0 to do, ○ 4" in notebook("progress()", rows, compared=())

    def test_before_the_backward_pass(self, capsys):
        InteractiveShell.clear_instance()
        shell = InteractiveShell.instance()
        shell.run_cell("from autograder.dojo import progress\nprogress()", store_history=True).raise_error()
        assert "run the cells from the top down to loss.backward()" in capsys.readouterr().out


def test_outside_of_a_notebook_there_is_no_session():
    from autograder.dojo.notebook import current_session

    InteractiveShell.clear_instance()
    assert current_session() is None
    assert Comparison(True, True, 0.0).problem is None
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("lines_in_the_first", [1, 3, 5])
def test_a_forward_pass_in_several_cells_is_read_as_one(notebook, lines_in_the_first):
    lines = FORWARD.splitlines()[1:]
    two = "\n".join(lines[:lines_in_the_first]), "\n".join(lines[lines_in_the_first:])
    again = [cell for cell in two if cell] + [BACKWARD]
    said = notebook("cmp('keel', -dkeel, keel)", "keel.grad = rope.grad = None", *again)
    assert "the sign is wrong" in said
