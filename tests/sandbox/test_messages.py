"""What one side writes the other reads: every request, over the wire."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from autograder.sandbox import messages
from autograder.sandbox.limits import Limits
from autograder.sandbox.messages import Bait, Known, Request, Run, ScriptCell, Setup
from autograder.sandbox.wire import Frame, decode_all, encode


def sent(frame: Frame) -> Frame:
    """The frame as it arrives."""
    (arrived,) = decode_all(encode(frame))
    return Frame(arrived.header, bytes(arrived.body))


def test_setup():
    setup = Setup(("import torch", "n = 3"), 1, Limits(cell_seconds=0.5, retries=2))
    frame = sent(messages.setup_frame(setup))
    assert "setup" in frame.header
    assert messages.read_setup(frame.body) == setup


class TestCase:
    def test_tensors_and_plain_values_come_back(self, tmp_path, monkeypatch):
        whole = torch.arange(6.0).reshape(2, 3)
        tensors = {
            "whole": whole,
            "row": whole[0],
            "turned": whole.T,
            "picks": torch.tensor([1, 2]),
            "one": torch.ones(()),
        }
        known = Known(tensors, {"n": 3, "on": True, "word": "ä", "x": 0.1}, {"dwhole": whole + 0.5}, "float32")
        known = replace(known, structures={"rows": ["list", [["tensor", "row"], ["plain", 3]]]})
        frame = sent(next(messages.case_frames([known], tmp_path / "case")))
        monkeypatch.chdir(tmp_path)  # the guest's working folder
        found = messages.read_case(frame.header, frame.body, ())
        assert found.structures == known.structures
        assert (found.scalars, found.dtype) == (known.scalars, known.dtype)
        for mine, theirs in ((known.tensors, found.tensors), (known.upstream, found.upstream)):
            assert mine.keys() == theirs.keys()
            for name, tensor in mine.items():
                assert torch.equal(tensor, theirs[name])
                assert tensor.dtype == theirs[name].dtype

    def test_a_file_that_cannot_be_written_is_said(self, tmp_path):
        with pytest.raises((ValueError, OSError), match="nowhere"):
            next(messages.case_frames([Known({"a": torch.ones(1)}, {}, {}, "float64")], tmp_path / "nowhere" / "case"))

    def test_a_data_set_of_two_cases_is_sent_once(self, tmp_path, monkeypatch):
        data, other = torch.arange(messages.SHARED_BYTES), torch.zeros(messages.SHARED_BYTES, dtype=torch.int64)
        small = torch.ones(3)
        cases = [
            Known({"data": data, "small": small}, {}, {}, "float64"),
            Known({"again": data, "data": other, "small": small}, {}, {}, "float32"),
            Known({"rows": data.view(2, -1)}, {}, {"ddata": other}, "float32"),
        ]
        monkeypatch.chdir(tmp_path)
        found, sizes = [], []
        for frame in messages.case_frames(cases, tmp_path / "case"):
            sizes.append((tmp_path / "case").stat().st_size)
            found.append(messages.read_case(sent(frame).header, sent(frame).body, found))
            (tmp_path / "case").unlink()
        for mine, theirs in zip(cases, found, strict=True):
            for part in ("tensors", "upstream"):
                one, two = getattr(mine, part), getattr(theirs, part)
                assert one.keys() == two.keys()
                assert all(torch.equal(one[name], two[name]) for name in one)
        bytes_of = data.numel() * 8
        assert [round(size / bytes_of) for size in sizes] == [1, 1, 1]  # the last is a view of another shape
        assert found[1].tensors["again"] is found[0].tensors["data"]
        assert found[2].upstream["ddata"] is found[1].tensors["data"]
        assert found[1].tensors["small"] is not found[0].tensors["small"]  # a run may change it in place


def test_split_is_told_from_the_others():
    headers = [messages.split_frame().header, messages.setup_frame(Setup((), 0, Limits())).header]
    headers += [messages.probe_frame(Bait(1, "", "", "", 2, ())).header, messages.request_frame(Request((), ())).header]
    words = [{"split", "setup", "probe", "submission"} & header.keys() for header in headers]
    assert words == [{"split"}, {"setup"}, {"probe"}, {"submission"}]


def test_bait():
    bait = Bait(8080, "name", "/tmp/bait", "/home/ada", 7, ("/", "/dev"))
    assert messages.read_probe(sent(messages.probe_frame(bait)).header) == bait


@pytest.mark.parametrize("cell_by_cell", [False, True])
def test_submission(cell_by_cell):
    script = (ScriptCell(-1, "", ()), ScriptCell(4, "dx = 'ü\\n'", ("dx", "dy")))
    request = Request(script, (Run(0, False), Run(3, True)), (4,), cell_by_cell)
    assert messages.read_request(sent(messages.request_frame(request)).body) == request


def test_answers():
    assert sent(messages.ok_frame(escapes=[])).header == {"ok": True, "escapes": []}
    assert sent(messages.failed_frame("because")).header == {"ok": False, "error": "because"}
    done = sent(messages.done_frame("end", -9, memoryview(b"report")))
    assert (done.header, done.body) == ({"ok": True, "ending": "end", "exit": -9}, b"report")
