"""What cells made is sent in frames that the host can read, few of them and none too late."""

from __future__ import annotations

import os

import pytest
import torch

from autograder.cells.ipython import QUIET, CellOutcome
from autograder.sandbox.guest import outbox
from autograder.sandbox.guest.outbox import END, HELD_TEXT, Outbox
from autograder.sandbox.host.received import RanCell, parse
from autograder.sandbox.wire import decode_all


class Pipe:
    """An outbox and what has come out of it."""

    def __init__(self):
        self.receiving, self.sending = os.pipe()
        os.set_blocking(self.receiving, False)
        self.box = Outbox(self.sending)
        self.data = b""

    def frames(self):
        try:
            while piece := os.read(self.receiving, 2**20):
                self.data += piece
        except BlockingIOError:
            pass
        return list(decode_all(self.data))


@pytest.fixture
def pipe():
    made = Pipe()
    yield made
    os.close(made.receiving)
    os.close(made.sending)


def test_the_cells_of_a_run_are_one_frame(pipe):
    for index in range(5):
        pipe.box.add(0, index, 0, {}, QUIET)
    assert pipe.frames() == []
    pipe.box.send()
    (frame,) = pipe.frames()
    assert (frame.header["run"], frame.header["ran"], frame.header["said"]) == (0, [0, 1, 2, 3, 4], [])


def test_with_nothing_to_send_nothing_is_sent(pipe):
    pipe.box.send()
    assert pipe.frames() == []


def test_much_text_is_not_held(pipe):
    pipe.box.add(0, 3, 0, {}, CellOutcome("x" * HELD_TEXT, None))
    (frame,) = pipe.frames()
    assert frame.header["said"][0]["text"] == "x" * HELD_TEXT


def test_nothing_is_held_for_long(pipe, monkeypatch):
    now = 100.0
    monkeypatch.setattr(outbox.time, "monotonic", lambda: now)
    pipe.box.send()
    pipe.box.add(0, 1, 0, {}, QUIET)
    assert pipe.frames() == []
    now += outbox.HELD_SECONDS + 0.01
    pipe.box.add(0, 2, 0, {}, QUIET)
    (frame,) = pipe.frames()
    assert frame.header["ran"] == [1, 2]


def test_the_host_reads_what_was_sent(pipe):
    tensors = {
        **{"da": torch.randn(2, 3, dtype=torch.float64), "db": torch.tensor(1.5), "dc": torch.ones(0, 3)},
        **{"dd": torch.tensor([True, False]), "de": torch.randn(4, dtype=torch.float64)},
    }
    pipe.box.add(0, 1, 2, tensors | {"df": {"kind": "none"}}, CellOutcome("hello", "E: x", True))
    pipe.box.send()
    pipe.box.end()
    pipe.frames()
    recording = parse(pipe.data, 1, [*tensors, "df"], range(3))
    assert recording.unfinished is None
    (run,) = recording.runs
    assert run.cells == {1: RanCell("hello", "E: x", True, 2)}
    assert run.values["df"].kind == "none"
    for name, tensor in tensors.items():
        assert torch.equal(run.values[name].tensor, tensor)
        assert run.values[name].tensor.dtype == tensor.dtype


def test_a_mode_that_a_cell_has_left_on_changes_nothing(pipe):
    class Nothing(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return torch.zeros(1)

    truth = torch.tensor([1.0, 2.0])
    with Nothing():
        pipe.box.add(0, 1, 0, {"da": truth}, QUIET)
        pipe.box.send()
    pipe.frames()
    assert torch.equal(parse(pipe.data, 1, ["da"], [1]).runs[0].values["da"].tensor, truth)


def test_the_end_is_the_last_frame(pipe):
    pipe.box.end()
    pipe.frames()
    assert pipe.data == END
