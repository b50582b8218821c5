"""What passes between the trusted side and the sandbox: frames of JSON and raw tensors, nothing that executes.

A frame is two lengths (unsigned 32-bit, big-endian), a JSON header and a body: a request in JSON, what a submission
sent, or tensors in safetensors' format.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

LENGTHS = struct.Struct(">II")
MAX_HEADER_BYTES = 2**20


class WireError(ValueError):
    """Bytes that are not the frames they should be."""


@dataclass(frozen=True)
class Frame:
    """One message: a JSON object and a body of bytes."""

    header: dict[str, Any]
    body: bytes | bytearray | memoryview = b""


def encode(frame: Frame) -> bytes:
    """The bytes of one frame."""
    header = json.dumps(frame.header).encode()
    return b"".join((LENGTHS.pack(len(header), len(frame.body)), header, frame.body))


def decode_all(data: bytes | bytearray | memoryview) -> Iterator[Frame]:
    """Every whole frame at the start of `data`. Stops at the first that is cut short; raises WireError on nonsense."""
    view = memoryview(data)
    at = 0
    while len(data) - at >= LENGTHS.size:
        header_size, body_size = LENGTHS.unpack_from(data, at)
        if header_size > MAX_HEADER_BYTES:
            raise WireError(f"a header of {header_size} bytes")
        start = at + LENGTHS.size
        end = start + header_size + body_size
        if end > len(data):
            return
        header = decode_header(bytes(view[start : start + header_size]))
        yield Frame(header, view[start + header_size : end])
        at = end


def decode_header(data: bytes | bytearray) -> dict[str, Any]:
    """A frame's JSON object. Raises WireError on anything else."""
    try:
        header = json.loads(data)
    except (ValueError, RecursionError):
        raise WireError("a header that is not JSON") from None
    if not isinstance(header, dict):
        raise WireError("a header that is not an object")
    return header
