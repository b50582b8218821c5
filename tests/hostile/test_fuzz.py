"""Whatever a file or an answer holds: what the readers give is well-formed, or one of their own errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st

from autograder.dojo.trial.code import grads_read, names_low_precision
from autograder.sandbox.host.received import parse
from autograder.sandbox.wire import LENGTHS, Frame, WireError, decode_all, encode
from autograder.submission.evasion import evades
from autograder.submission.file import UnreadableError
from autograder.submission.notebook import Submission, read_files, submission_in
from autograder.submission.split import taken_apart
from autograder.text import printable
from tests.hostile.fuzz import fuzzed
from tests.notebooks import HARBOUR_ANSWERS, harbour

ODD = st.sampled_from(
    [
        "",
        "code",
        "markdown",
        "raw",
        "cmp_dkeel",
        "dkeel",
        "source",
        "\ud800",
        "\0",
        "-" * 3000 + "1",
        "%%bash\nls",
        "é\u202e",
    ]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8) | ODD,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["metadata", "nbgrader", "tags", "grade_id", "source", "cell_type", "x"]), inner
        )
    ),
    max_leaves=6,
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp037"])
NOTEBOOK = str(nbformat.writes(harbour()))


def _places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to everything in a JSON value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [at, *(place for key, part in inner for place in _places(part, (*at, key)))]


PLACES = _places(json.loads(NOTEBOOK))[1:]


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """The notebook with anything in some of its places, with keys gone, cells swapped, and bytes spoilt."""
    notebook = json.loads(NOTEBOOK)
    for place in draw(st.lists(st.sampled_from(PLACES), max_size=4)):
        holder = notebook
        try:
            for key in place[:-1]:
                holder = holder[key]
            if draw(st.booleans()):
                holder[place[-1]] = draw(ANYTHING)
            else:
                del holder[place[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change has taken it away
    data = bytearray(json.dumps(notebook).encode(draw(ENCODINGS), "replace"))
    for _ in range(draw(st.integers(0, 2))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.none() | st.integers(0, len(data)))])


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "harbour.ipynb"


@fuzzed
@given(mutated() | st.binary(max_size=200) | ANYTHING.map(lambda value: json.dumps(value).encode()))
def test_a_notebook_is_read_or_refused(path, harbour, content):
    path.write_bytes(content)
    refusal = ""
    try:
        _check(submission_in(read_files(path, harbour), harbour), {step.name for step in harbour.steps})
    except UnreadableError as error:
        refusal = str(error)
    assert refusal == "" or ("submit" in refusal and len(refusal) < 300)


def _check(submission: Submission, steps: set[str]) -> None:
    """What the rest of the grader takes for granted; and that it can be asked and sent."""
    recorded = [name for cell in submission.script for name in cell.records]
    assert sorted(recorded) == sorted(steps)
    assert [cell.index for cell in submission.script] == sorted({cell.index for cell in submission.script})
    assert set(submission.sources) == set(submission.indices) == steps
    assert all(type(cell.source) is str for cell in submission.script)
    assert all(type(flag) is str and len(flag) < 300 for flag in submission.flags)
    json.dumps([cell.source for cell in submission.script]).encode()
    sources = {cell.index: cell.source for cell in submission.script}
    for name in steps:
        evades(sources, submission.indices[name], name)
        names_low_precision(sources, submission.indices[name])
        grads_read(submission.sources[name])
    taken_apart(submission)


NAMES, CELLS, RUNS = ("dkeel", "drope"), range(-1, 5), 2
TENSORS = st.sampled_from(
    [
        torch.ones(6),
        torch.ones(2, 3),
        torch.empty(0),
        torch.empty(0, 2**40),
        torch.tensor(float("nan")),
        torch.zeros(1, dtype=torch.bool),
    ]
)
BODIES = st.binary(max_size=80) | st.dictionaries(st.sampled_from(("float32", "bool", "x")), TENSORS, max_size=3).map(
    lambda tensors: safetensors.torch.save({name: tensor.clone() for name, tensor in tensors.items()})
)
SAID = st.fixed_dictionaries(
    {},
    optional={
        "cell": st.integers(-2, 6) | ANYTHING,
        "uses": st.integers(0, 3) | ANYTHING,
        "text": st.text() | ANYTHING,
        "error": st.none() | st.text() | ANYTHING,
    },
)
VALUES = st.dictionaries(
    st.sampled_from((*NAMES, "x")),
    st.fixed_dictionaries({"kind": st.sampled_from(("tensor", "none", "other"))}, optional={"type": ANYTHING}),
)
SIZES = st.lists(st.integers(-1, 6) | ANYTHING, max_size=3) | st.sampled_from(([6], [2, 3], [0], [0, 2**40], []))
SHAPES = st.dictionaries(
    st.sampled_from(("float32", "bool", "x")), st.dictionaries(st.sampled_from((*NAMES, "x")), SIZES, max_size=2)
)
HEADERS = st.fixed_dictionaries(
    {
        "run": st.integers(-1, 3),
        "ran": st.lists(st.integers(-2, 6), max_size=3) | ANYTHING,
        "said": st.lists(SAID, max_size=2) | ANYTHING,
        "values": VALUES | ANYTHING,
        "shapes": SHAPES | ANYTHING,
    },
    optional={"end": ANYTHING},
)


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    """Frames that are nearly right, then bytes spoilt and the end cut off."""
    data = bytearray()
    for header in draw(st.lists(HEADERS | ANYTHING, max_size=4)):
        described, body = json.dumps(header).encode(), draw(BODIES)
        data += LENGTHS.pack(len(described), len(body)) + described + body
    for _ in range(draw(st.integers(0, 2)) if data else 0):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.none() | st.integers(0, len(data)))])


@fuzzed
@given(answers())
def test_an_answer_is_parsed_into_what_was_asked_for(data):
    recording = parse(data, RUNS, NAMES, CELLS)
    assert recording.unfinished is None or recording.unfinished.why
    assert len(recording.runs) == RUNS
    for run in recording.runs:
        assert set(run.cells) <= set(CELLS)
        assert set(run.values) <= set(NAMES)
        for cell in run.cells.values():
            assert len(cell.text) <= 25_000
            assert printable(cell.text) == cell.text
            assert cell.error is None or (len(cell.error) <= 1000 and printable(cell.error) == cell.error)
        for value in run.values.values():
            assert (value.kind == "tensor") == (type(value.tensor) is torch.Tensor)
            assert len(value.type) <= 200
            if value.tensor is not None:
                assert value.tensor.numel() * value.tensor.element_size() <= len(data)
                assert value.tensor.layout == torch.strided
                assert not value.tensor.requires_grad


@fuzzed
@given(answers())
def test_frames_are_whole_and_within_the_bytes(data):
    frames: list[Frame] = []
    try:
        frames.extend(decode_all(data))
    except WireError:
        frames.append(Frame({}))
    assert sum(len(frame.body) for frame in frames) <= len(data)
    assert all(type(frame.header) is dict for frame in frames)


@fuzzed
@given(st.dictionaries(st.text(max_size=5), ANYTHING, max_size=3), st.binary(max_size=50))
def test_a_frame_comes_back_as_it_went(header, body):
    (frame,) = decode_all(encode(Frame(header, body)))
    assert json.dumps(frame.header) == json.dumps(header)
    assert frame.body == body


def test_the_notebook_itself_is_read(path, harbour):
    """What is mutated above is a submission, not nonsense to begin with."""
    path.write_text(NOTEBOOK)
    submission = submission_in(read_files(path, harbour), harbour)
    assert submission.flags == ()
    assert len(submission.script) == 1 + len(HARBOUR_ANSWERS)
