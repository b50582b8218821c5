import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.sandbox.wire import LENGTHS, MAX_HEADER_BYTES, Frame, WireError, decode_all, encode

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
frames = st.builds(Frame, st.dictionaries(st.text(), values, max_size=4), st.binary(max_size=100))


def raw(header: bytes, body: bytes = b"") -> bytes:
    return LENGTHS.pack(len(header), len(body)) + header + body


@given(st.lists(frames, max_size=4))
def test_frames_come_back_as_they_went(sent):
    assert list(decode_all(b"".join(map(encode, sent)))) == sent


@given(st.lists(frames, min_size=1, max_size=3), st.data())
def test_of_cut_off_data_the_whole_frames_are_read(sent, data):
    pieces = [encode(frame) for frame in sent]
    whole = b"".join(pieces)
    cut = data.draw(st.integers(0, len(whole) - 1))
    read = list(decode_all(whole[:cut]))
    assert read == sent[: len(read)]
    assert sum(map(len, pieces[: len(read)])) <= cut < sum(map(len, pieces[: len(read) + 1]))


@given(st.binary(max_size=200))
def test_garbage_is_a_wire_error_or_frames_within_the_data(garbage):
    try:
        read = list(decode_all(garbage))
    except WireError:
        return
    assert all(isinstance(frame.header, dict) for frame in read)
    assert sum(LENGTHS.size + len(frame.body) for frame in read) <= len(garbage)


@given(frames, st.data())
def test_a_flipped_byte_in_the_lengths_never_reads_beyond_the_data(frame, data):
    damaged = bytearray(encode(frame))
    damaged[data.draw(st.integers(0, LENGTHS.size - 1))] ^= data.draw(st.integers(1, 255))
    try:
        read = list(decode_all(bytes(damaged)))
    except WireError:
        return
    assert sum(LENGTHS.size + len(frame.body) for frame in read) <= len(damaged)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'{"a": 1} x', "not JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not JSON"),
        (b"[]", "not an object"),
        (b"null", "not an object"),
        (b'"record"', "not an object"),
    ],
)
def test_a_header_that_is_no_json_object_is_refused(header, message):
    with pytest.raises(WireError, match=message):
        list(decode_all(raw(header)))


def test_frames_before_the_broken_one_are_still_read():
    read = decode_all(encode(Frame({"a": 1}, b"x")) + raw(b"nonsense"))
    assert next(read) == Frame({"a": 1}, b"x")
    with pytest.raises(WireError):
        next(read)


def test_an_oversized_header_is_refused_before_it_has_arrived():
    with pytest.raises(WireError, match=f"{MAX_HEADER_BYTES + 1} bytes"):
        list(decode_all(LENGTHS.pack(MAX_HEADER_BYTES + 1, 0)))


def test_the_format_is_two_lengths_header_and_body():
    encoded = encode(Frame({"a": 1}, b"xyz"))
    assert encoded[:8] == b"\0\0\0\x08\0\0\0\x03"
    assert json.loads(encoded[8:16]) == {"a": 1}
    assert encoded[16:] == b"xyz"
