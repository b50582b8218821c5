"""Read or make the course secret, from which hidden cases are drawn. It belongs to the course, never to the code."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

BYTES = 32


class SecretError(ValueError):
    """Raised where the secret file holds no secret; the message tells what to do."""


def read_or_create(path: Path) -> tuple[bytes, bool]:
    """Return (secret, whether it was made just now). Raises SecretError, OSError."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return _create(path), True
    except UnicodeDecodeError:
        text = ""
    if len(text) < BYTES:
        raise SecretError(f"{path} is not a course secret; restore it from your backup, or delete it to draw a new one")
    return text.encode(), False


def fingerprint(secret: bytes) -> str:
    """Return 16 hexadecimal digits that tell two secrets from each other and reveal neither."""
    return hashlib.sha256(b"backprop-dojo fingerprint/" + secret).hexdigest()[:16]


def _create(path: Path) -> bytes:
    text = secrets.token_hex(BYTES)
    # A link is made whole or not at all: of two first runs at the same time one wins, and both read its secret.
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text + "\n")
        os.link(temporary, path)
    except FileExistsError:
        return read_or_create(path)[0]
    finally:
        Path(temporary).unlink()
    return text.encode()
