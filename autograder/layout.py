"""A case as the sandbox is given it."""

from __future__ import annotations

from pathlib import Path

import safetensors
import safetensors.torch
import torch

from autograder.connection import SandboxError
from autograder.reference import Known
from autograder.wire import Frame


def case_frame(known: Known, path: Path) -> Frame:
    """The message that lays out a case. Its tensors go through a file, which the sandbox maps and deletes.

    Mapped pages cost nothing when the sandbox forks; a data set in ordinary memory costs every fork.
    """
    tensors = {f"v.{name}": tensor for name, tensor in known.tensors.items()}
    tensors |= {f"u.{name}": tensor for name, tensor in known.upstream.items()}
    # safetensors refuses tensors that share memory, such as a view and what it is a view of.
    copies = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    try:
        safetensors.torch.save_file(copies, path)
    except safetensors.SafetensorError as error:
        raise SandboxError(f"a case could not be written to {path.parent}: {error}") from None
    return Frame({"case": path.name, "scalars": known.scalars, "dtype": known.dtype})
