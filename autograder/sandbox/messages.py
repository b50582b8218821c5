"""What crosses between host and guest: the dataclasses, and for each request its writer beside its reader.

Requests go to the guest in this order: one `setup`, one `case` for each case, one `split`, one `probe`, then any
number of submissions. The guest's answer to each has `ok`, and `error` where that is false. What a submission reports
of its runs is written by guest/outbox.py and checked by host/received.py.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.sandbox.limits import Limits
from autograder.sandbox.wire import Frame

if TYPE_CHECKING:  # the host sends its first requests before it has imported torch
    import torch


@dataclass(frozen=True)
class ScriptCell:
    """One cell to run. index: its cell index in the notebook. records: d-variables recorded once it has run."""

    index: int
    source: str
    records: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """One pass over the cells. stepwise: every recorded d-variable is replaced by its random upstream gradient."""

    case: int
    stepwise: bool


@dataclass(frozen=True)
class Known:
    """All that a student may know of a case: tensors and plain values by name, without a graph.

    upstream: independent random gradients, by the d-variable that they take the place of, step by step. A
    d-variable that is given (exercise/given.py) is in `tensors` too, with its true gradient.
    dtype: the default dtype of its runs, "float32" or "float64".
    """

    tensors: Mapping[str, torch.Tensor]
    scalars: Mapping[str, int | float | bool | str]
    upstream: Mapping[str, torch.Tensor]
    dtype: str


@dataclass(frozen=True)
class Bait:
    """What the host lays out for the guest's probe to reach.

    port: of a listener on 127.0.0.1. abstract: the name of a listening abstract Unix socket, "" where there are
    none. file: a readable file of the host's. home: something in its home folder, "" where there is nothing
    but Python. private: files and folders of the course and the exchange. pid: the host process's. read_only: folders
    that must not be written to.
    """

    port: int
    abstract: str
    file: str
    home: str
    pid: int
    read_only: tuple[str, ...]
    private: tuple[str, ...] = ()


@dataclass(frozen=True)
class Setup:
    """The exercise's setup cells, after how many of them the parameters stand, and the limits of a submission."""

    cells: tuple[str, ...]
    parameters: int
    limits: Limits


@dataclass(frozen=True)
class Request:
    """One submission to run.

    skip: indices of cells to leave out. cell_by_cell: report each before the next runs. modules: text by file name of
    the Python files that lie beside the notebook.
    """

    script: tuple[ScriptCell, ...]
    runs: tuple[Run, ...]
    skip: tuple[int, ...] = ()
    cell_by_cell: bool = False
    modules: Mapping[str, str] = field(default_factory=dict)


def setup_frame(setup: Setup) -> Frame:
    """Ask the guest to run the exercise's setup."""
    return Frame({"setup": True}, json.dumps(asdict(setup)).encode())


def read_setup(body: bytes) -> Setup:
    """Read the body of a setup frame."""
    read = json.loads(body)
    return Setup(tuple(read["cells"]), read["parameters"], Limits(**read["limits"]))


def case_frame(known: Known, path: Path) -> Frame:
    """Ask the guest to lay out a case. Writes its tensors to `path`, which the guest maps. Raises OSError, ValueError.

    Mapped pages cost nothing when the guest forks; a data set in ordinary memory costs every fork.
    """
    import safetensors
    import safetensors.torch
    import torch

    tensors = {f"v.{name}": tensor for name, tensor in known.tensors.items()}
    tensors |= {f"u.{name}": tensor for name, tensor in known.upstream.items()}
    # safetensors refuses tensors that share memory, such as a view and what it is a view of.
    copies = {name: tensor.clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    try:
        safetensors.torch.save_file(copies, path)
    except safetensors.SafetensorError as error:
        raise ValueError(f"a case could not be written to {path.parent}: {error}") from None
    return Frame({"case": path.name, "scalars": dict(known.scalars), "dtype": known.dtype})


def read_case(header: Mapping[str, Any]) -> Known:
    """Read a case frame's header and map the file that it names, in the working folder."""
    import safetensors.torch

    tensors = safetensors.torch.load_file(header["case"])
    known = {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("v.")}
    upstream = {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("u.")}
    return Known(known, header["scalars"], upstream, header["dtype"])


def split_frame() -> Frame:
    """Ask the guest to become one process for each line that it was given."""
    return Frame({"split": True})


def probe_frame(bait: Bait) -> Frame:
    """Ask the guest to try to escape from where a submission runs."""
    return Frame({"probe": vars(bait)})


def read_probe(header: Mapping[str, Any]) -> Bait:
    """Read a probe frame's header."""
    probe = header["probe"]
    return Bait(**probe | {name: tuple(probe[name]) for name in ("read_only", "private")})


def request_frame(request: Request) -> Frame:
    """Ask the guest to run a submission."""
    body = {
        "script": [vars(cell) for cell in request.script],
        "runs": [vars(run) for run in request.runs],
        "skip": request.skip,
        "cell_by_cell": request.cell_by_cell,
        "modules": dict(request.modules),
    }
    return Frame({"submission": True}, json.dumps(body).encode())


def read_request(body: bytes) -> Request:
    """Read the body of a submission's frame."""
    read = json.loads(body)
    return Request(
        tuple(ScriptCell(cell["index"], cell["source"], tuple(cell["records"])) for cell in read["script"]),
        tuple(Run(run["case"], run["stepwise"]) for run in read["runs"]),
        tuple(read["skip"]),
        read["cell_by_cell"],
        read["modules"],
    )


def done_frame(ending: str, code: int, report: memoryview) -> Frame:
    """Answer with a submission's report, how it ended (guest/fork.py: collect) and its process's exit code."""
    return Frame({"ok": True, "ending": ending, "exit": code}, report)


def ok_frame(**more: Any) -> Frame:
    """Answer that a request was done."""
    return Frame({"ok": True, **more})


def failed_frame(error: str) -> Frame:
    """Answer that a request could not be done."""
    return Frame({"ok": False, "error": error})
