"""What a stranger's bytes can do to the trusted side: nothing."""

from __future__ import annotations

import json

import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.sandbox.guest.outbox import _packed
from autograder.sandbox.host.received import RanCell, Recording, RunRecord, Unfinished, Value, parse
from autograder.sandbox.wire import LENGTHS, Frame, encode
from autograder.text import printable

NAMES = ("dsail", "dmast")
CELLS = range(10)
SAID = {"cell": 3, "uses": 0, "error": None, "text": "", "timed_out": False}
FRAME = ("run", "ran", "said", "values", "shapes", "end")


def frame(header=(), body=b""):
    """The bytes of a frame in which cell 3 ran, with these values in it; what is none of a frame's own is said of 3."""
    header = dict(header)
    said = SAID | {name: value for name, value in header.items() if name not in FRAME}
    own = {name: value for name, value in header.items() if name in FRAME}
    return encode(Frame({"run": 0, "ran": [said["cell"]], "said": [said], "values": {}} | own, body))


def sent(header=(), tensors=None, **values):
    """The bytes of one frame, with tensors."""
    shapes, body = _packed(tensors or {})
    return frame({"shapes": shapes, **dict(header), **values}, body)


def forged(shapes):
    """The bytes of a frame with tensors of these shapes that have no elements."""
    header = json.dumps({"F": {"dtype": "F64", "shape": [0], "data_offsets": [0, 0]}}).encode()
    return frame({"shapes": {"F": shapes}}, len(header).to_bytes(8, "little") + header)


def honest():
    """Two runs of two cells, with a value of every kind."""
    return b"".join(
        [
            sent(cell=1, text="hello", values={"dsail": {"kind": "none"}}),
            sent(ran=[2], said=[], tensors={"dmast": torch.ones(2, 3)}),
            sent(run=1, cell=1, error="E: x", values={"dsail": {"kind": "other", "type": "int"}}),
            sent(run=1, cell=2, uses=2, values={"dmast": {"kind": "undefined"}}),
            encode(Frame({"end": True})),
        ]
    )


def check_form(recording, runs):
    """It is what the rest of the trusted side takes for granted."""
    assert type(recording) is Recording
    assert len(recording.runs) == runs
    for run in recording.runs:
        assert type(run) is RunRecord
        assert set(run.values) <= set(NAMES)
        for value in run.values.values():
            assert type(value) is Value
            assert (value.tensor is not None) == (value.kind == "tensor")
            assert value.tensor is None or type(value.tensor) is torch.Tensor
            assert printable(value.type) == value.type
        for index, cell in run.cells.items():
            assert type(index) is int
            assert printable(cell.text) == cell.text
            assert cell.error is None or printable(cell.error) == cell.error


def test_an_honest_recording():
    recording = parse(honest(), 2, NAMES, CELLS)
    assert recording.unfinished is None
    first, second = recording.runs
    assert torch.equal(first.values["dmast"].tensor, torch.ones(2, 3))
    assert first.values["dsail"] == Value("none")
    assert second.values == {"dsail": Value("other", None, "int"), "dmast": Value("undefined")}
    assert (first.cells[1].text, second.cells[1].error, second.cells[2].uses) == ("hello", "E: x", 2)
    assert first.cells[2] == RanCell("", None, False)


def test_why_it_is_not_complete_is_kept():
    recording = parse(honest(), 2, NAMES, CELLS, Unfinished("killed by signal 9"))
    assert recording.unfinished == Unfinished("killed by signal 9")
    assert len(recording.runs[1].cells) == 2


class TestNeverRaises:
    @given(st.binary(max_size=300), st.integers(0, 3))
    def test_on_any_bytes(self, data, runs):
        check_form(parse(data, runs, NAMES, CELLS), runs)

    @given(st.data())
    def test_on_real_frames_with_some_bytes_changed(self, data):
        damaged = bytearray(honest())
        for _ in range(data.draw(st.integers(1, 4))):
            damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
        check_form(parse(bytes(damaged), 2, NAMES, CELLS), 2)

    @given(st.integers(0, len(honest())))
    def test_on_what_is_cut_off(self, cut):
        recording = parse(honest()[:cut], 2, NAMES, CELLS, Unfinished("ended early"))
        check_form(recording, 2)
        assert recording.unfinished == Unfinished("ended early")

    anything = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(NAMES),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("kind", *NAMES)), inner),
        max_leaves=5,
    )

    @given(st.fixed_dictionaries({}, optional=dict.fromkeys((*SAID, *FRAME), anything)))
    def test_on_a_header_of_anything(self, header):
        data = sent(json.loads(json.dumps(header, allow_nan=True)))
        check_form(parse(data, 2, NAMES, CELLS), 2)

    @given(st.binary(max_size=200))
    def test_on_a_body_of_anything(self, body):
        check_form(parse(frame({"shapes": {"F": {"dsail": [2]}}}, body), 1, NAMES, CELLS), 1)

    @pytest.mark.parametrize("dtype", ["F64", "F8_E4M3", "F8_E8M0", "F4", "C64", "U16", "BF16", "BOOL", "X", ""])
    @pytest.mark.parametrize("shape", [[2], [], [0], [-1], [2**62, 2**62], [2.5], "2", None])
    def test_on_tensors_of_odd_dtypes_and_shapes(self, dtype, shape):
        header = json.dumps({"F": {"dtype": dtype, "shape": shape, "data_offsets": [0, 16]}}).encode()
        body = len(header).to_bytes(8, "little") + header + bytes(16)
        recording = parse(frame({"shapes": {"F": {"dsail": [2]}}}, body), 1, NAMES, CELLS)
        check_form(recording, 1)
        assert (recording.unfinished is None) == ("dsail" in recording.runs[0].values)

    @pytest.mark.parametrize("shape", [[9] * 300_000 + [0], [1] * 65, [0, 2**63], [0, 10**4000]])
    def test_on_sizes_that_no_tensor_has(self, shape):
        assert "tensors that are not" in parse(forged({"dsail": shape}), 1, NAMES, CELLS).unfinished.why

    def test_on_a_name_that_is_none(self):
        assert "tensors that are not" in parse(forged({"other": [0]}), 1, NAMES, CELLS).unfinished.why

    @pytest.mark.parametrize("offsets", [[0, 17], [8, 24], [0, 2**63], [16, 0], [-8, 8]])
    def test_on_offsets_beyond_the_data(self, offsets):
        header = json.dumps({"F": {"dtype": "F64", "shape": [2], "data_offsets": offsets}}).encode()
        body = len(header).to_bytes(8, "little") + header + bytes(16)
        recording = parse(frame({"shapes": {"F": {"dsail": [2]}}}, body), 1, NAMES, CELLS)
        assert recording.runs[0].values == {}
        assert "tensors that are not" in recording.unfinished.why


class TestRefused:
    @pytest.mark.parametrize(
        ("values", "detail"),
        [
            ({"run": 1}, "a run that was not asked for"),
            ({"run": -1}, "a run that was not asked for"),
            ({"run": True}, "a run that was not asked for"),
            ({"run": "0"}, "a run that was not asked for"),
            ({"ran": 3}, "cells of the wrong form"),
            ({"ran": [[3]]}, "a cell that was not asked for"),
            ({"ran": [True]}, "a cell that was not asked for"),
            ({"said": {}}, "cells of the wrong form"),
            ({"said": [3]}, "a cell's outcome of the wrong form"),
            ({"cell": 1.0}, "a cell's outcome of the wrong form"),
            ({"cell": None}, "a cell's outcome of the wrong form"),
            ({"uses": "many"}, "a cell's outcome of the wrong form"),
            ({"text": 3}, "a cell's outcome of the wrong form"),
            ({"error": ["x"]}, "a cell's outcome of the wrong form"),
            ({"values": []}, "cells of the wrong form"),
            ({"values": {"dsail": "tensor"}}, "a value of an unknown kind"),
            ({"values": {"dsail": {"kind": "right"}}}, "a value of an unknown kind"),
            ({"values": {"dsail": {"kind": ["none"]}}}, "a value of an unknown kind"),
            ({"values": {"dsail": {"kind": "tensor"}}}, "a value of an unknown kind"),
            ({"values": {"dsail": {"kind": "other", "type": [[]]}}}, "a type that is no text"),
            ({"cell": 10}, "a cell that was not asked for"),
            ({"cell": -(10**40)}, "a cell that was not asked for"),
            ({"cell": 1}, "nothing new"),
            ({"ran": []}, "nothing new"),
        ],
    )
    def test_it_ends_the_recording_and_keeps_what_came_before(self, values, detail):
        before = sent(cell=1, values={"dmast": {"kind": "none"}})
        after = sent(cell=9, values={"dsail": {"kind": "none"}})
        recording = parse(before + sent(values) + after, 1, NAMES, CELLS)
        assert recording.unfinished.why.startswith("its answer could not be read (")
        assert detail in recording.unfinished.why
        assert recording.runs[0].values == {"dmast": Value("none")}
        assert 9 not in recording.runs[0].cells

    def test_more_tensors_than_there_are_dtypes(self):
        """safetensors would take millions of empty ones, each of them an object here."""
        many = safetensors.torch.save({f"x{number}": torch.empty(0) for number in range(1000)})
        assert "more tensors" in parse(frame({"shapes": {}}, many), 1, NAMES, CELLS).unfinished.why

    @pytest.mark.parametrize(
        "shapes",
        [
            None,
            [],
            {"float32": []},
            {"float64": {"dsail": [6]}},
            {"float32": {"dsail": 6}},
            {"float32": {"dsail": [5]}},
            {"float32": {"dsail": [7]}},
            {"float32": {"dsail": [-2, -3]}},
            {"float32": {"dsail": [6.0]}},
            {"float32": {"dsail": [True, 6]}},
            {"float32": {"dsail": [6], "dmast": [6]}},
            {"float32": {"dsail": [2**70, 0], "dmast": [6]}},
        ],
    )
    def test_shapes_that_are_not_those_of_the_data(self, shapes):
        recording = parse(sent(tensors={"dsail": torch.ones(6)}, shapes=shapes), 1, NAMES, CELLS)
        assert recording.unfinished is not None
        assert recording.runs[0].values == {}

    def test_what_is_said_of_a_cell_that_did_not_run(self):
        recording = parse(sent(ran=[1], cell=3, text="hello"), 1, NAMES, CELLS)
        assert recording.runs[0].cells == {1: RanCell("", None, False)}

    def test_lengths_that_promise_more_than_there_is(self):
        recording = parse(sent(cell=1) + LENGTHS.pack(10, 2**31) + b"{}", 1, NAMES, CELLS, Unfinished("ended early"))
        assert list(recording.runs[0].cells) == [1]


def test_tensors_of_several_shapes_and_dtypes():
    tensors = {"dsail": torch.tensor(1.5), "dmast": torch.arange(6.0).view(2, 3), "dkeel": torch.zeros(0, 4)}
    tensors |= {"drope": torch.tensor([[1, 2]]), "dhull": torch.tensor([True, False])}
    recording = parse(sent(tensors=tensors), 1, tuple(tensors), CELLS)
    assert recording.unfinished is None
    for name, tensor in tensors.items():
        found = recording.runs[0].values[name].tensor
        assert found.dtype == tensor.dtype
        assert torch.equal(found, tensor)
        assert found.shape == tensor.shape


class TestFirstStands:
    def test_of_a_value(self):
        first = sent(tensors={"dsail": torch.ones(1)})
        second = sent(cell=4, values={"dsail": {"kind": "none"}}, tensors={"dsail": torch.zeros(1)})
        recording = parse(first + second, 1, NAMES, CELLS)
        assert recording.runs[0].values["dsail"].tensor == 1

    def test_nothing_behind_the_end_counts(self):
        end = encode(Frame({"end": True}))
        recording = parse(sent(text="first") + end + sent(cell=4) + b"x" * 99, 1, NAMES, CELLS)
        assert recording.unfinished is None
        assert list(recording.runs[0].cells) == [3]

    def test_of_a_cell(self):
        """The second is what a forged twin of the first looks like: nothing that follows counts."""
        recording = parse(sent(text="first") + sent(text="second"), 1, NAMES, CELLS)
        assert recording.runs[0].cells[3].text == "first"

    def test_each_run_has_its_own(self):
        data = sent(values={"dsail": {"kind": "none"}}) + sent(run=1, values={"dsail": {"kind": "undefined"}})
        assert [run.values["dsail"].kind for run in parse(data, 2, NAMES, CELLS).runs] == ["none", "undefined"]


def test_unknown_names_are_ignored():
    described = {"dsail": {"kind": "none"}, "dloss": {"kind": "none"}, "__class__": 5, "": None}
    recording = parse(sent(values=described), 1, NAMES, CELLS)
    assert recording.unfinished is None
    assert set(recording.runs[0].values) == {"dsail"}


class TestControlCharacters:
    EVIL = "\x1b[2J\x1b]0;x\x07 \x9b \r\b\x00 \u202e \u2066 ok"

    def test_in_what_a_cell_says(self):
        recording = parse(sent(text=self.EVIL, error=self.EVIL), 1, NAMES, CELLS)
        cell = recording.runs[0].cells[3]
        for said in (cell.text, cell.error):
            assert said.replace("\N{REPLACEMENT CHARACTER}", "").isprintable()
            assert said.endswith(" ok")

    def test_in_the_name_of_a_type(self):
        value = (
            parse(sent(values={"dsail": {"kind": "other", "type": self.EVIL}}), 1, NAMES, CELLS).runs[0].values["dsail"]
        )
        assert "\x1b" not in value.type


def test_long_texts_are_cut():
    recording = parse(sent(text="x" * 10**5, error="y" * 10**5), 1, NAMES, CELLS)
    cell = recording.runs[0].cells[3]
    assert (len(cell.text), len(cell.error)) == (25_000, 1000)
