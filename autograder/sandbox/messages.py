"""The messages between host and guest: their dataclasses, and the writer of each request beside its reader.

Requests go to the guest in this order: one `setup`, one `case` for each case, one `split`, one `probe`, then any
number of submissions. The guest's answer to each has `ok`, and `error` where that is false. What a submission reports
of its runs is written by guest/outbox.py and checked by host/received.py.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.sandbox.limits import Limits
from autograder.sandbox.wire import Frame

if TYPE_CHECKING:  # the host sends its first requests before it has imported torch
    import torch


# In the place of a cell index: the report of what a taped run has replayed.
LAST_OF_TAPE = -2
# The runs of one submission share tensors above this size instead of copying them. Those are data sets (Xtr of exercise
# 1 has 4.4 MB); the largest tensor of its forward pass has 16 kB in float64.
SHARED_BYTES = 2**20


@dataclass(frozen=True)
class ScriptCell:
    """One cell to run. index: its cell index in the notebook. records: d-variables to record once it has run."""

    index: int
    source: str
    records: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """One pass over the cells.

    stepwise: every recorded d-variable is replaced by its random upstream gradient.
    taped: the same by replaying the operations of the run, so that it does not depend on where cells begin and end.
    """

    case: int
    stepwise: bool
    taped: bool = False


@dataclass(frozen=True)
class Known:
    """All that a student may know of a case: tensors without a graph, and plain values, by name.

    upstream: the independent random gradients that replace d-variables step by step, by d-variable. A d-variable that
    is given (exercise/given.py) is in `tensors` too, with its true gradient.
    dtype: the default dtype of its runs, "float32" or "float64". structures: lists, tuples, dicts and modules by name,
    as cells/structure.py describes them; a tensor in one has its path as a name in `tensors`.
    """

    tensors: Mapping[str, torch.Tensor]
    scalars: Mapping[str, int | float | bool | str]
    upstream: Mapping[str, torch.Tensor]
    dtype: str
    structures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Bait:
    """The targets that the host lays out and the guest's probe tries to reach.

    port: of a listener on 127.0.0.1. abstract: the name of a listening abstract Unix socket, "" where the system has
    none. file: a readable file of the host. home: a path in the host's home folder, "" where it holds nothing but
    Python. pid: of the host's process. read_only: folders in which the guest must not be able to write. private: files
    of the course and the exchange.
    """

    port: int
    abstract: str
    file: str
    home: str
    pid: int
    read_only: tuple[str, ...]
    private: tuple[str, ...] = ()


@dataclass(frozen=True)
class ForwardLine:
    """One line of the forward pass: the name it assigns, the names it reads, and its source."""

    target: str
    uses: tuple[str, ...]
    source: str


@dataclass(frozen=True)
class Setup:
    """An exercise as the guest needs it, all of it public.

    cells: the setup cells. parameters: after how many of them a case's parameters are set. limits: of a submission.
    forward: the forward pass. tensors: by d-variable, the tensor that it is the gradient of.
    """

    cells: tuple[str, ...]
    parameters: int
    limits: Limits
    forward: tuple[ForwardLine, ...] = ()
    tensors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One submission to run.

    skip: indices of cells to leave out. cell_by_cell: report each before the next runs. upstream: by case, upstream
    gradients by d-variable that take the place of the case's random ones. numerical: whether the taped runs look for
    numerical differentiation. modules: text by file name of the Python files that lie beside the notebook.
    """

    script: tuple[ScriptCell, ...]
    runs: tuple[Run, ...]
    skip: tuple[int, ...] = ()
    cell_by_cell: bool = False
    upstream: Mapping[int, Mapping[str, torch.Tensor]] = field(default_factory=dict)
    numerical: bool = False
    modules: Mapping[str, str] = field(default_factory=dict)


def setup_frame(setup: Setup) -> Frame:
    """Return the frame that asks the guest to run the exercise's setup."""
    return Frame({"setup": True}, json.dumps(asdict(setup)).encode())


def read_setup(body: bytes) -> Setup:
    """Return the setup request in the body of its frame."""
    read = json.loads(body)
    lines = tuple(ForwardLine(line["target"], tuple(line["uses"]), line["source"]) for line in read["forward"])
    return Setup(tuple(read["cells"]), read["parameters"], Limits(**read["limits"]), lines, read["tensors"])


def case_frames(cases: Sequence[Known], path: Path) -> Iterator[Frame]:
    """Write each case's tensors to `path` and yield the frame that asks the guest to map them as its next case.

    Mapped pages cost nothing when the guest forks; a data set in ordinary memory would slow down every fork. A large
    tensor that an earlier case has too is not sent again. Whoever asks removes the file before the next case. Raises
    OSError, and ValueError where safetensors cannot write the file.
    """
    import safetensors
    import safetensors.torch

    sent: dict[tuple[Any, ...], tuple[int, str]] = {}
    for number, known in enumerate(cases):
        tensors = {f"v.{name}": tensor for name, tensor in known.tensors.items()}
        tensors |= {f"u.{name}": tensor for name, tensor in known.upstream.items()}
        earlier = {}
        for name, tensor in tensors.items():
            if tensor.numel() * tensor.element_size() > SHARED_BYTES:
                same = tensor.data_ptr(), tensor.dtype, tensor.shape, tensor.stride()
                if sent.setdefault(same, (number, name)) != (number, name):
                    earlier[name] = sent[same]
        try:
            safetensors.torch.save_file(_apart({k: t for k, t in tensors.items() if k not in earlier}), path)
        except safetensors.SafetensorError as error:
            raise ValueError(f"a case could not be written to {path.parent}: {error}") from None
        header = {"case": path.name, "scalars": dict(known.scalars), "dtype": known.dtype, "earlier": earlier}
        yield Frame(header, json.dumps(dict(known.structures)).encode())


def _apart(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors, copied where they share memory, as a tensor and a view of it: safetensors refuses those."""
    import torch

    shared = Counter(tensor.untyped_storage().data_ptr() for tensor in tensors.values())
    return {
        name: tensor
        if tensor.is_contiguous() and shared[tensor.untyped_storage().data_ptr()] == 1
        else tensor.clone(memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }


def read_case(header: Mapping[str, Any], body: bytes, earlier: Sequence[Known]) -> Known:
    """Return the case of a case frame: read its header and map the file that it names, in the working folder.

    earlier: the cases that were read before it.
    """
    import safetensors.torch

    tensors = safetensors.torch.load_file(header["case"])
    for name, (number, there) in header["earlier"].items():
        before = earlier[number]
        tensors[name] = (before.tensors if there.startswith("v.") else before.upstream)[there[2:]]
    known = {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("v.")}
    upstream = {name[2:]: tensor for name, tensor in tensors.items() if name.startswith("u.")}
    return Known(known, header["scalars"], upstream, header["dtype"], json.loads(body))


def split_frame() -> Frame:
    """Return the frame that asks the guest to split into one process for each line that it was given."""
    return Frame({"split": True})


def probe_frame(bait: Bait) -> Frame:
    """Return the frame that asks the guest to try to escape from a submission's fork."""
    return Frame({"probe": vars(bait)})


def read_probe(header: Mapping[str, Any]) -> Bait:
    """Return the bait in a probe frame's header."""
    probe = header["probe"]
    return Bait(**probe | {name: tuple(probe[name]) for name in ("read_only", "private")})


def request_frame(request: Request) -> Frame:
    """Return the frame that asks the guest to run a submission."""
    body = {
        "script": [vars(cell) for cell in request.script],
        "runs": [vars(run) for run in request.runs],
        "skip": request.skip,
        "cell_by_cell": request.cell_by_cell,
        "upstream": {case: _packed(tensors) for case, tensors in request.upstream.items()},
        "numerical": request.numerical,
        "modules": dict(request.modules),
    }
    # Which of a line's two processes is to run it, known before its body is read: only the fork reads that.
    public = all(run.case == 0 for run in request.runs)
    return Frame({"submission": True, "public": public}, json.dumps(body).encode())


def read_request(body: bytes) -> Request:
    """Return the submission in the body of its frame."""
    read = json.loads(body)
    return Request(
        tuple(ScriptCell(cell["index"], cell["source"], tuple(cell["records"])) for cell in read["script"]),
        tuple(Run(run["case"], run["stepwise"], run["taped"]) for run in read["runs"]),
        tuple(read["skip"]),
        read["cell_by_cell"],
        {int(case): _unpacked(packed) for case, packed in read["upstream"].items()},
        read["numerical"],
        read["modules"],
    )


def _packed(tensors: Mapping[str, torch.Tensor]) -> str:
    """Return small tensors as text: with the request they reach the one fork that reads it, and nobody else."""
    import safetensors.torch
    import torch

    return base64.b64encode(
        safetensors.torch.save({k: t.clone(memory_format=torch.contiguous_format) for k, t in tensors.items()})
    ).decode()


def _unpacked(packed: str) -> dict[str, torch.Tensor]:
    import safetensors.torch

    tensors: dict[str, torch.Tensor] = safetensors.torch.load(base64.b64decode(packed))
    return tensors


def done_frame(ending: str, code: int, report: memoryview) -> Frame:
    """Return the answer to a submission: its report, how that ended (guest/fork.py: collect), and the exit code."""
    return Frame({"ok": True, "ending": ending, "exit": code}, report)


def ok_frame(**more: Any) -> Frame:
    """Return the answer that a request was done."""
    return Frame({"ok": True, **more})


def failed_frame(error: str) -> Frame:
    """Return the answer that a request could not be done."""
    return Frame({"ok": False, "error": error})
