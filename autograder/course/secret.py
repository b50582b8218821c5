"""The course secret: what hidden cases are drawn from. Belongs to the course, never to the code."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

BYTES = 32


class SecretError(ValueError):
    """The secret file is not one; the message says what to do."""


def read_or_create(path: Path) -> tuple[bytes, bool]:
    """The secret, and whether it was made just now. Raises SecretError, OSError."""
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
    """What results record of the secret: enough to tell two apart, nothing to learn it from."""
    return hashlib.sha256(b"backprop-dojo fingerprint/" + secret).hexdigest()[:16]


def _create(path: Path) -> bytes:
    text = secrets.token_hex(BYTES)
    # Linked into place whole: of two first runs at the same time one has its own, and both read the same.
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
