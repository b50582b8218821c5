"""When a value is recorded, and what stands in the names meanwhile; in a real sandbox, on `harbour`."""

from __future__ import annotations

import pytest
import torch

from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import Request, Run
from autograder.submission.notebook import submission_from_notebook
from tests.notebooks import HARBOUR_ANSWERS, by_id, code, harbour, place, with_cells
from tests.warm import line

PUBLIC, HIDDEN, STEPWISE = Run(0, False), Run(1, False), Run(1, True)


@pytest.fixture(scope="module")
def known(harbour_references):
    return [harbour_references.public.known, harbour_references.hidden[0].known]


@pytest.fixture(scope="module")
def record(harbour, known):
    """Run a notebook; the values of each run by d-variable, and the cells of each run by place."""
    with line(harbour, known, Limits(cell_seconds=0.5, tensor_bytes=100_000)) as sandbox:

        def recorded(notebook, *runs):
            recording = sandbox.run(Request(submission_from_notebook(notebook, harbour).script, runs))
            assert recording.unfinished is None, recording.unfinished
            return recording.runs

        yield recorded


class TestTheMoment:
    def test_all_are_recorded(self, record, harbour_references):
        (run,) = record(harbour(), HIDDEN)
        truth = harbour_references.hidden[0].end.total
        for name, value in run.values.items():
            torch.testing.assert_close(value.tensor, truth[name[1:]])
        assert len(run.values) == len(truth) == 8

    @pytest.mark.parametrize(
        "later",
        ["dflat.zero_()", "dflat *= 0", "dflat = None", "del dflat", "dflat.resize_(0)", "dflat.data = torch.ones(1)"],
    )
    def test_what_a_later_cell_does_to_it_does_not_count(self, record, later):
        before, after = (
            record(notebook, PUBLIC)[0].values["dflat"].tensor for notebook in (harbour(), with_cells("drope", later))
        )
        assert torch.equal(before, after)

    def test_a_shared_tensor_that_the_next_step_changes_was_right_before(self, record):
        """dflat and dmast are one tensor, and the second path is added in place."""
        notebook = harbour(dmast_path1="dmast = dflat", dmast_path2="dmast += 1")
        before, after = (record(n, PUBLIC)[0].values["dflat"].tensor for n in (harbour(), notebook))
        assert torch.equal(before, after)

    def test_a_value_in_two_paths_is_taken_after_the_second(self, record):
        notebook = harbour(dswell_path2="dswell = dswell * 0 + 3")
        assert (record(notebook, PUBLIC)[0].values["dswell"].tensor == 3).all()

    def test_a_cell_between_answer_and_check_still_counts(self, record):
        notebook = with_cells("cmp_dflat", "dflat = dflat * 0 + 7")
        assert (record(notebook, PUBLIC)[0].values["dflat"].tensor == 7).all()

    def test_each_run_starts_afresh(self, record):
        """What the first run changes in place, of the forward pass or of its own, is not seen by the second."""
        notebook = with_cells("dpart", "again = globals().get('again', 0) + 1\nswell.mul_(2)")
        by_id(notebook)["dkeel"].source = "dkeel = torch.stack((torch.tensor(float(again)), swell.sum()))"
        first, second = (run.values["dkeel"].tensor for run in record(notebook, PUBLIC, PUBLIC))
        assert first[0] == 1
        assert torch.equal(first, second)


class TestUpstream:
    def test_a_finished_gradient_is_replaced_by_its_random_one(self, record, known):
        (run,) = record(harbour(dkeel="dkeel = torch.cat([dpart.flatten(), dflat.flatten()])"), STEPWISE)
        expected = torch.cat([known[1].upstream[name].flatten() for name in ("dpart", "dflat")])
        assert torch.equal(run.values["dkeel"].tensor, expected)

    def test_its_own_value_is_recorded_before(self, record, harbour_references):
        (run,) = record(harbour(), STEPWISE)
        truth = harbour_references.hidden[0].step.total
        for name, value in run.values.items():
            torch.testing.assert_close(value.tensor, truth[name[1:]])

    @pytest.mark.parametrize(
        "spoil",
        [*("dpart.zero_()", "dpart = None", "del dpart", "dpart[0] = 9", "dpart.t_()"), "numpy = dpart; numpy += 1"],
    )
    def test_it_is_renewed_after_a_change(self, record, known, spoil):
        notebook = with_cells("drope", spoil, of=harbour(dkeel="dkeel = dpart"))
        (run,) = record(notebook, STEPWISE)
        assert torch.equal(run.values["dkeel"].tensor, known[1].upstream["dpart"])

    def test_an_unfinished_gradient_is_the_students_own(self, record):
        notebook = harbour(dswell_path1="dswell = torch.full_like(part, 5)", dtotal="dtotal = dswell.sum(1)")
        (run,) = record(notebook, STEPWISE)
        assert (run.values["dtotal"].tensor == 5 * run.values["dswell"].tensor.shape[1]).all()

    def test_there_is_none_end_to_end(self, record):
        (run,) = record(harbour(dpart="dpart = torch.full_like(part, 5)", dkeel="dkeel = dpart"), HIDDEN)
        assert (run.values["dkeel"].tensor == 5).all()


class TestKinds:
    @pytest.mark.parametrize(
        ("answer", "kind", "described"),
        [
            ("", "undefined", ""),
            ("dkeel = None", "none", ""),
            ("dkeel = 'x' * 10**6", "other", "str"),
            ("class Ünlikely: pass\ndkeel = Ünlikely()", "other", "Ünlikely"),
            ("dkeel = torch.zeros(1000, 1000)", "other", "torch.float32 tensor of shape (1000, 1000)"),
            ("dkeel = torch.eye(3).to_sparse()", "other", "layout torch.sparse_coo"),
            ("dkeel = torch.empty(3, device='meta')", "other", "torch.float32 tensor"),
            ("dkeel = torch.nested.nested_tensor([torch.ones(2)])", "other", "tensor"),
            ("dkeel = torch.ones(2, dtype=torch.complex128)", "other", "torch.complex128 tensor of shape (2,)"),
            ("dkeel = torch.empty(2, dtype=torch.complex32)", "other", "torch.complex32 tensor of shape (2,)"),
            ("dkeel = torch.empty(2, dtype=torch.float8_e8m0fnu)", "other", "torch.float8_e8m0fnu tensor"),
            ("dkeel = torch.empty(2, dtype=torch.bits8)", "other", "torch.bits8 tensor"),
            ("dkeel = torch.quantize_per_tensor(torch.ones(2), 0.1, 0, torch.quint8)", "other", "tensor"),
        ],
    )
    def test_what_is_no_plain_tensor_is_described(self, record, answer, kind, described):
        value = record(harbour(dkeel=answer), PUBLIC)[0].values["dkeel"]
        assert (value.kind, value.tensor) == (kind, None)
        assert described in value.type

    @pytest.mark.parametrize(
        "source",
        [
            *("torch.ones(3, 4).T", "torch.ones(1).expand(5, 5)", "torch.ones(4, 4)[::2, 1:]", "torch.ones(())"),
            *("torch.ones(0, 3)", "torch.ones(2, dtype=torch.int8)", "torch.tensor([True])", "keel.requires_grad_()"),
            *(
                "torch.nn.Parameter(torch.ones(2))",
                "torch.ones(2, dtype=torch.bfloat16)",
                "torch.complex(keel, keel).conj().imag[0]",
            ),
        ],
    )
    def test_any_plain_tensor_comes_back(self, record, known, source):
        value = record(harbour(dkeel=f"dkeel = {source}"), PUBLIC)[0].values["dkeel"]
        names = {"torch": torch, "keel": known[0].tensors["keel"].clone()}
        expected = eval(source, names).detach()
        assert value.kind == "tensor"
        assert value.tensor.dtype == expected.dtype
        assert value.tensor.shape == expected.shape
        assert torch.equal(value.tensor, expected)

    def test_a_subclass_that_lies_about_itself_is_no_tensor(self, record):
        lies = (
            "class Liar(torch.Tensor):\n    def detach(self): return self\n"
            "    def clone(self, **how): return self\ndkeel = torch.ones(2).as_subclass(Liar)"
        )
        assert record(harbour(dkeel=lies), PUBLIC)[0].values["dkeel"].kind == "other"


class TestCells:
    def test_output_and_error_are_kept_of_the_public_case_only(self, record):
        notebook = harbour(dkeel="print('so far')\nnonsense")
        public, hidden = record(notebook, PUBLIC, HIDDEN)
        at = place(notebook, "dkeel")
        assert public.cells[at].text == "so far\n"
        assert public.cells[at].error.startswith("NameError: ")
        assert hidden.cells[at].text == ""

    def test_uses_of_autograd_are_counted_where_they_happen(self, record):
        scratch = "with torch.enable_grad():\n    w = torch.ones(2, requires_grad=True)\n    (w * w).sum().backward()"
        notebook = with_cells("dpart", scratch)
        (run,) = record(notebook, PUBLIC)
        assert [index for index, cell in run.cells.items() if cell.uses] == [place(notebook, "dpart") - 1]

    def test_a_cell_that_runs_out_of_time_costs_itself_only(self, record, known, harbour_references):
        notebook = harbour(drope="while True: pass")
        public, hidden, stepwise = record(notebook, PUBLIC, HIDDEN, STEPWISE)
        at = place(notebook, "drope")
        assert public.cells[at].error == "stopped after 0.5 s; look for a loop that does not end"
        for run, reference in ((public, "public"), (hidden, "hidden")):
            truth = {"public": harbour_references.public, "hidden": harbour_references.hidden[0]}[reference]
            torch.testing.assert_close(run.values["dkeel"].tensor, truth.end.total["keel"])
        assert [run.cells[at].timed_out for run in (public, hidden, stepwise)] == [True] * 3
        assert stepwise.values["drope"].kind == "undefined"

    def test_it_is_not_run_again(self, record):
        """Its first run leaves a file behind; in the hidden cases' process it never ran, so there is none."""
        notebook = harbour(
            drope="import pathlib\nran = pathlib.Path('ran')\nran.write_text(ran.read_text() + 'x' if ran.exists() "
            "else 'x')\nwhile True: pass",
            dkeel="dkeel = torch.tensor(len(pathlib.Path('ran').read_text()))",
        )
        notebook.cells.insert(place(notebook, "dkeel"), code("import pathlib"))
        runs = record(notebook, PUBLIC, HIDDEN, STEPWISE)
        assert runs[0].values["dkeel"].tensor.item() == 1
        assert [run.values["dkeel"].kind for run in runs[1:]] == ["undefined", "undefined"]

    def test_random_numbers_are_the_same_every_time(self, record):
        draws = "import random, numpy\ndkeel = torch.tensor([random.random(), numpy.random.rand(), torch.rand(())])"
        first, second = (record(harbour(dkeel=draws), PUBLIC)[0].values["dkeel"].tensor for _ in range(2))
        assert torch.equal(first, second)


def test_the_answers_are_all_there(harbour):
    """Or the tests above would run something else than the solution."""
    assert set(HARBOUR_ANSWERS) == {name for step in harbour.steps for name in step.solutions}
