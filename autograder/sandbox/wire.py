"""Encode and decode the frames between host and guest: JSON and raw bytes, nothing that executes.

A frame is two lengths (unsigned 32-bit, big-endian), a JSON header and a body: a request in JSON, the report of a
submission, or tensors in safetensors' format. No other module encodes or decodes frames.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

LENGTHS = struct.Struct(">II")
MAX_HEADER_BYTES = 2**20
PIECE = 2**20  # bytes read or written at a time: the largest buffer that Linux gives a pipe


class WireError(ValueError):
    """Raised for bytes that are no frame; the message describes them, such as "a header that is not JSON"."""


@dataclass(frozen=True)
class Frame:
    """One message: a JSON object and a body of bytes."""

    header: dict[str, Any]
    body: bytes | bytearray | memoryview = b""


def encode(frame: Frame) -> bytes:
    """Return the bytes of one frame."""
    return _opening(frame) + bytes(frame.body)


def write(descriptor: int, frame: Frame) -> None:
    """Write one frame to a pipe without copying its body. Raises OSError where nobody reads the pipe."""
    for part in (_opening(frame), frame.body):
        with memoryview(part) as view:
            at = 0
            while at < len(view):
                at += os.write(descriptor, view[at : at + PIECE])


def read_opening(read: Callable[[int], bytes | bytearray], body_limit: int | None = None) -> tuple[dict[str, Any], int]:
    """Read a frame's lengths and header, and return (header, size of the body that follows).

    read: returns exactly as many bytes as it is asked for. body_limit: the largest body to accept, in bytes.
    Raises WireError, and whatever `read` raises.
    """
    header, body = LENGTHS.unpack(read(LENGTHS.size))
    if header > MAX_HEADER_BYTES or (body_limit is not None and body > body_limit):
        raise WireError("an answer that is too large")
    return decode_header(read(header)), body


def frame_end(data: memoryview, start: int, size: int) -> int | None:
    """Return where the frame that begins at `start` ends, or None while it is incomplete in `data[:size]`."""
    if size - start < LENGTHS.size:
        return None
    end: int = start + LENGTHS.size + sum(LENGTHS.unpack_from(data, start))
    return end if end <= size else None


def decode_all(data: bytes | bytearray | memoryview) -> Iterator[Frame]:
    """Yield every whole frame of `data`, and stop at one that is cut short. Raises WireError."""
    view = memoryview(data)
    at = 0
    while len(view) - at >= LENGTHS.size:
        header_size, _ = LENGTHS.unpack_from(view, at)
        if header_size > MAX_HEADER_BYTES:
            raise WireError(f"a header of {header_size} bytes")
        end = frame_end(view, at, len(view))
        if end is None:
            return
        body = at + LENGTHS.size + header_size
        yield Frame(decode_header(bytes(view[at + LENGTHS.size : body])), view[body:end])
        at = end


def decode_header(data: bytes | bytearray) -> dict[str, Any]:
    """Return the JSON object of a frame's header. Raises WireError where the bytes are anything else."""
    try:
        header = json.loads(data)
    except (ValueError, RecursionError):
        raise WireError("a header that is not JSON") from None
    if not isinstance(header, dict):
        raise WireError("a header that is not an object")
    return header


def wide_pipe() -> tuple[int, int]:
    """Return (reading end, writing end) of a new pipe, as os.pipe does.

    On Linux it has room for the results of a run, so that its two ends wait less for each other.
    """
    receiving, sending = os.pipe()
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            fcntl.fcntl(sending, fcntl.F_SETPIPE_SZ, PIECE)
    return receiving, sending


def _opening(frame: Frame) -> bytes:
    header = json.dumps(frame.header).encode()
    return LENGTHS.pack(len(header), len(frame.body)) + header
