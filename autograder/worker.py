"""The untrusted side: holds what a student may know, and runs each submission in a fork of itself.

Started as `python -m autograder.worker` by autograder.sandbox. Reads frames from standard input, answers
with frames on what was standard output. The first frame is the exercise's code, every later one a
submission. No gradient is ever computed here except by student code.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import resource
import select
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import safetensors.torch
import torch

from autograder.limits import Limits
from autograder.namespace import Case, Code, clear, run_forward
from autograder.shell import CellShell, new_shell, run_cell
from autograder.wire import LENGTHS, Frame, decode_all, encode


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    requests = os.fdopen(os.dup(0), "rb")
    _silence()
    # Threads do not survive a fork: torch's pool must never be started in this process.
    torch.set_num_threads(1)
    sys.path.insert(0, str(Path.cwd()))
    first = _read(requests)
    if first is None:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="ipython-") as ipython_dir:
            shell = new_shell(ipython_dir)
            namespace = run_forward(
                shell,
                Code(tuple(first.header["setup"]), first.header["parameters"], first.header["forward"]),
                Case(**first.header["case"]),
                with_graph=False,
            )
            torch.set_grad_enabled(False)
            limits = Limits(**first.header["limits"])
            gc.freeze()
            _write(answers, Frame({"ready": True}))
            while (request := _read(requests)) is not None:
                _write(answers, _serve(request, shell, namespace, limits, (answers.fileno(), requests.fileno())))
    except BrokenPipeError:  # the trusted side has gone
        return
    except Exception as error:
        _write(answers, Frame({"ready": False, "error": f"{type(error).__name__}: {error}"}))


def _serve(
    request: Frame, shell: CellShell, namespace: dict[str, Any], limits: Limits, private: tuple[int, ...]
) -> Frame:
    """Run one submission in a fork and return what it sent, with how it ended."""
    receiving, sending = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(receiving)
        for descriptor in private:
            os.close(descriptor)
        _run_submission(request, shell, namespace, limits, sending)
    os.close(sending)
    data, ending = _collect(receiving, limits)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    header = {"ending": ending, "exit": os.waitstatus_to_exitcode(status)}
    return Frame(header, data)


def _collect(descriptor: int, limits: Limits) -> tuple[bytes, str]:
    """Everything that arrives until the last frame, the end of the stream, the deadline or the size limit."""
    deadline = time.monotonic() + limits.seconds
    data = bytearray()
    checked = 0
    try:
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                return bytes(data), "timeout"
            piece = os.read(descriptor, 2**20)
            if not piece:
                return bytes(data), "closed"
            data += piece
            if len(data) > limits.result_bytes:
                return bytes(data[: limits.result_bytes]), "flood"
            # A process that the submission left behind may hold the pipe open, so its end is a frame.
            while (end := _frame_end(data, checked)) is not None:
                last, checked = data[checked:end], end
                if last == END:
                    return bytes(data[:end]), "end"
    finally:
        os.close(descriptor)


END = encode(Frame({"end": True}))


def _frame_end(data: bytearray, start: int) -> int | None:
    """Where the frame that begins at `start` ends; None while it is incomplete."""
    if len(data) - start < LENGTHS.size:
        return None
    end: int = start + LENGTHS.size + sum(LENGTHS.unpack_from(data, start))
    return end if end <= len(data) else None


def _run_submission(
    request: Frame, shell: CellShell, namespace: dict[str, Any], limits: Limits, sending: int
) -> NoReturn:
    """The fork: run the cells in order and send every recorded value as soon as it is due."""
    try:
        os.setsid()
        _limit(limits)
        clear(shell)
        shell.user_ns.update(namespace)
        for cell in json.loads(request.body):
            outcome = run_cell(shell, cell["source"], limits.cell_seconds)
            _send(sending, Frame({"cell": cell["index"], "text": outcome.text, "error": outcome.error,
                                  "timed_out": outcome.timed_out}))  # fmt: skip
            for name in cell["records"]:
                _send(sending, _record(name, shell.user_ns, limits))
        _send(sending, Frame({"end": True}))
    finally:
        # Neither the parent's clean-up nor a student's atexit handlers may run here.
        os._exit(0)


def _record(name: str, names: dict[str, Any], limits: Limits) -> Frame:
    """The value of one d-variable now, copied, so that nothing that runs later can change it."""
    if name not in names:
        return Frame({"record": name, "kind": "undefined"})
    value = names[name]
    if value is None:
        return Frame({"record": name, "kind": "none"})
    try:
        if isinstance(value, torch.Tensor):
            if value.layout == torch.strided and value.numel() * value.element_size() <= limits.result_bytes // 4:
                plain = value.detach().clone(memory_format=torch.contiguous_format)
                return Frame({"record": name, "kind": "tensor"}, safetensors.torch.save({"value": plain}))
            what = f"{value.dtype} tensor of shape {tuple(value.shape)} with layout {value.layout}"
            return Frame({"record": name, "kind": "other", "type": what})
        return Frame({"record": name, "kind": "other", "type": type(value).__name__})
    except Exception as error:
        return Frame({"record": name, "kind": "other", "type": f"tensor that cannot be read ({type(error).__name__})"})


def _limit(limits: Limits) -> None:
    """The kernel's limits for this process and its children."""
    with open("/proc/self/statm") if os.path.exists("/proc/self/statm") else contextlib.nullcontext() as file:  # noqa: PTH110, PTH123
        pages = int(file.read().split()[0]) if file is not None else 0
    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_CPU: limits.cpu_seconds,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
    }
    if pages:
        wanted[resource.RLIMIT_AS] = pages * resource.getpagesize() + limits.memory_bytes
    for what, value in wanted.items():
        _, hard = resource.getrlimit(what)
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(what, (value, value))


def _silence() -> None:
    """Point the standard streams at nothing: what submissions print is captured in Python, a cell at a time."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    os.close(nothing)


def _send(descriptor: int, frame: Frame) -> None:
    data = memoryview(encode(frame))
    while data:
        data = data[os.write(descriptor, data) :]


def _read(stream: BinaryIO) -> Frame | None:
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    rest = stream.read(sum(LENGTHS.unpack(lengths)))
    return next(iter(decode_all(lengths + rest)))


def _write(stream: BinaryIO, frame: Frame) -> None:
    stream.write(encode(frame))
    stream.flush()


if __name__ == "__main__":
    main()
