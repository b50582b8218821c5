"""The training notebook in a real kernel, interrupted as a student does it."""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel

from tests.benchmarks.training_notebook import NOTEBOOK, code_cells

ANSWERS_IN = 300  # seconds; a busy machine takes its time
LEFT_OUT = ("cost_of_calls", "others", "speed_ways", "speed")  # they measure times


class Kernel:
    """A kernel that runs cells. manager, client: jupyter_client's."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager, self.client = manager, client

    def run(self, source: str, interrupt_at: str | None = None) -> str:
        """Run a cell; return what it showed at the end.

        interrupt_at: interrupt once the output matches this, "" at once.
        """
        request = self.client.execute(source)
        shown: dict[str, str] = {}
        interrupted = False
        until = time.monotonic() + ANSWERS_IN
        while time.monotonic() < until:
            message = self.client.get_iopub_msg(timeout=ANSWERS_IN)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return "\n".join(shown.values())
            if kind == "stream":
                shown["stream"] = shown.get("stream", "") + content["text"]
            elif kind in ("display_data", "update_display_data"):
                shown[str(content["transient"].get("display_id", len(shown)))] = content["data"]["text/plain"]
            elif kind == "error":
                shown["error"] = f"{content['ename']}: {content['evalue']}"
            if interrupt_at is None or interrupted:
                continue
            if re.search(interrupt_at, "\n".join(shown.values())) and (shown or not interrupt_at):
                interrupted = True
                self.manager.interrupt_kernel()
        raise TimeoutError(source)


@pytest.fixture(name="kernel", scope="module")
def _kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    folder: Path = tmp_path_factory.mktemp("student")
    shutil.copytree(NOTEBOOK.parent / "dojo", folder / "dojo", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(NOTEBOOK.parent / "names.txt", folder)
    manager, client = start_new_kernel(cwd=str(folder), startup_timeout=ANSWERS_IN)
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_training_is_interrupted_twice_goes_on_and_is_looked_at(kernel: Kernel) -> None:
    cells = {name: source for name, source in code_cells().items() if name not in LEFT_OUT}
    cells["training"] = cells["training"].replace("max_steps = 200_000", "max_steps = 6_000")
    after = list(cells)[list(cells).index("train") + 1 :]
    for name, source in cells.items():
        if name == "train":
            break
        assert "Error" not in kernel.run(source)
    assert "Error" not in kernel.run(cells["train"], interrupt_at="")  # before its first line, or in the trial
    kernel.run(cells["training"])  # which may have come to its end before the interruption
    assert re.search(r"stopped after \d+ steps", kernel.run(cells["train"], interrupt_at=r"0 of 6,000 steps"))
    for name in after:
        assert "Error" not in kernel.run(cells[name]), name
    stopped = kernel.run(cells["train"], interrupt_at=r"\n[1-9][\d,]* of 6,000 steps")
    done = re.search(r"stopped after ([\d,]+) steps; run this cell again", stopped)
    assert done is not None, stopped
    whole = kernel.run(cells["train"])
    assert f"goes on after {done[1]} steps" in whole
    assert "all 6,000 steps" in whole
    for name in after:
        assert "Error" not in kernel.run(cells[name]), name
    # The same numbers as without an interruption.
    kernel.run("first = list(losses)")
    kernel.run(cells["training"])
    assert "goes on" not in kernel.run(cells["train"])
    assert kernel.run("print(losses == first, len(losses))").strip() == "True 6000"
