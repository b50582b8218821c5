"""The trusted side's end of the pipes: whatever the other end does, it answers or raises SandboxError."""

from __future__ import annotations

import os
import threading

import pytest

from autograder.sandbox.host.pipes import SandboxError, pair
from autograder.sandbox.wire import LENGTHS, MAX_HEADER_BYTES, Frame, encode

SOON = 0.05


@pytest.fixture
def ends():
    """A connection and the other process's two descriptors."""
    connection, descriptors = pair()
    still_open = list(descriptors)
    yield connection, descriptors, still_open
    connection.close()
    for descriptor in still_open:
        os.close(descriptor)


def test_a_frame_goes_and_comes(ends):
    connection, (requests, answers), _ = ends
    connection.send(Frame({"a": 1}, b"body"))
    sent = os.read(requests, 1000)
    assert sent == encode(Frame({"a": 1}, b"body"))
    os.write(answers, sent)
    frame = connection.receive(10, 4)
    assert (frame.header, frame.body) == ({"a": 1}, b"body")


def test_a_large_one_in_pieces(ends):
    connection, (_, answers), _ = ends
    data = encode(Frame({"a": 1}, bytes(range(256)) * 2**14))
    writer = threading.Thread(
        target=lambda: [os.write(answers, data[at : at + 7777]) for at in range(0, len(data), 7777)]
    )
    writer.start()
    assert connection.receive(60, 2**22).body == bytes(range(256)) * 2**14
    writer.join()


@pytest.mark.parametrize("sent", [b"", b"\0\0\0", LENGTHS.pack(2, 0) + b"{", LENGTHS.pack(2, 5) + b"{}abc"])
def test_silence_in_the_middle_has_an_end(ends, sent):
    connection, (_, answers), _ = ends
    os.write(answers, sent)
    with pytest.raises(SandboxError, match="did not answer in time"):
        connection.receive(SOON, 100)


@pytest.mark.parametrize("sent", [b"", b"\0\0\0", LENGTHS.pack(2, 5) + b"{}abc"])
def test_an_end_that_is_closed_is_told(ends, sent):
    connection, (_, answers), still_open = ends
    os.write(answers, sent)
    still_open.remove(answers)
    os.close(answers)
    with pytest.raises(SandboxError, match="has ended"):
        connection.receive(10, 100)


@pytest.mark.parametrize("lengths", [(2, 101), (MAX_HEADER_BYTES + 1, 0), (2**32 - 1, 2**32 - 1)])
def test_what_is_too_large_is_not_waited_for(ends, lengths):
    connection, (_, answers), _ = ends
    os.write(answers, LENGTHS.pack(*lengths))
    with pytest.raises(SandboxError, match="too large"):
        connection.receive(10, 100)


@pytest.mark.parametrize("header", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 50_000])
def test_a_header_that_is_none(ends, header):
    connection, (_, answers), _ = ends
    os.write(answers, LENGTHS.pack(len(header), 0) + header)
    with pytest.raises(SandboxError, match="the sandbox process sent a header that is not"):
        connection.receive(10, 100)


def test_sending_to_nobody(ends):
    connection, (requests, _), still_open = ends
    still_open.remove(requests)
    os.close(requests)
    with pytest.raises(SandboxError, match="has ended"):
        connection.send(Frame({}))


def test_it_may_be_closed_twice(ends):
    connection, _, _ = ends
    connection.close()
    connection.close()
