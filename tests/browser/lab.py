"""A real JupyterLab, and a notebook in it, used through the browser as a student does."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbformat.sign import NotebookNotary

# Deadlines in seconds: far above what is needed on a quiet machine, for one with much else to do.
STARTS_IN, OPENS_IN, RUNS_IN, ANSWERS_IN = 120, 120, 240, 90

# All cells are in the page, not only those in view; and nothing pops up or calls out.
SETTINGS: dict[str, dict[str, object]] = {
    "notebook-extension/tracker": {"windowingMode": "none"},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False, "doNotDisturbMode": True},
}


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab: its folder of notebooks, its folder of settings, where it is and what it asks for."""

    folder: Path
    settings: Path
    port: int
    token: str

    def set_theme(self, theme: str) -> None:
        """The theme of pages that are opened from now on."""
        self.write_settings({"apputils-extension/themes": {"theme": theme}})

    def write_settings(self, settings: dict[str, dict[str, object]]) -> None:
        for name, value in settings.items():
            path = self.settings / "@jupyterlab" / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(value))

    def trust(self, notebook: Path) -> None:
        """Sign a notebook, as `jupyter trust` does: of the outputs of any other, no picture is shown."""
        notary = NotebookNotary(data_dir=str(self.settings.parent / "data"))
        notary.sign(nbformat.read(notebook, as_version=4))

    def ask(self, path: str, method: str = "GET") -> Any:
        """What the server's API says; OSError or HTTPException where it has no answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, f"/api/{path}", headers={"Authorization": f"token {self.token}"})
            response = connection.getresponse()
            answer = response.read()
        if response.status >= 400:
            raise http.client.HTTPException(f"{method} {path}: {response.status}, {answer[:500]!r}")
        return json.loads(answer) if answer else None

    def kernel(self, notebook: Path) -> str:
        """The state of a notebook's kernel, such as "idle"."""
        try:
            sessions = {session["path"]: session for session in self.ask("sessions")}
        except (OSError, http.client.HTTPException) as error:
            return str(error)  # the server stumbles over a kernel that it is just starting
        return str(sessions[str(notebook)]["kernel"]["execution_state"]) if str(notebook) in sessions else "none"

    def end_kernels(self) -> None:
        """Shut all notebooks down, as for the next student."""
        with contextlib.suppress(OSError, http.client.HTTPException):  # the end of the server ends those left
            for session in self.ask("sessions"):
                self.ask(f"sessions/{session['id']}", "DELETE")


@contextlib.contextmanager
def jupyter_lab(home: Path, course: Path | None = None) -> Iterator[Lab]:
    """JupyterLab with everything of its own below `home`; at the end, none of its processes is left.

    course: the folder of a course, in which it starts, with nbgrader's Formgrader; else a new folder for notebooks.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    lab = Lab(course or home / "work", home / "settings", port, secrets.token_hex())
    lab.folder.mkdir(exist_ok=True)
    lab.write_settings(SETTINGS)
    options = [f"--ServerApp.root_dir={lab.folder}", f"--port={port}", "--ServerApp.port_retries=0", "--ip=127.0.0.1"]
    options += [f"--IdentityProvider.token={lab.token}", "--no-browser", "--allow-root"]
    options += ["--LabApp.extension_manager=readonly"]
    own = {"HOME": home, "JUPYTERLAB_SETTINGS_DIR": lab.settings, "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces"}
    own |= {"JUPYTER_CONFIG_DIR": home / "config", "JUPYTER_DATA_DIR": home / "data", "IPYTHONDIR": home / "ipython"}
    own |= {"JUPYTER_RUNTIME_DIR": home / "runtime", "PYTHONPATH": ""}
    with (home / "lab.log").open("w") as log:
        server = psutil.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=os.environ | {name: str(value) for name, value in own.items()},
            cwd=lab.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        started = time.monotonic()
        while not _answers(lab):
            late = time.monotonic() - started > STARTS_IN
            if late or server.poll() is not None:
                pytest.fail(f"JupyterLab did not start:\n{(home / 'lab.log').read_text()[-3000:]}")
            time.sleep(0.2)
        yield lab
    finally:
        _end(server)


def _answers(lab: Lab) -> bool:
    with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
        return bool(lab.ask("status"))
    return False


def _end(server: psutil.Popen) -> None:
    """End the server and its kernels: each asked first, then made to."""
    with contextlib.suppress(psutil.NoSuchProcess):
        processes = [server, *server.children(recursive=True)]
        server.terminate()
        _, left = psutil.wait_procs(processes, timeout=15)
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=15)


class Notebook:
    """One notebook of a lab, open in a page of Playwright's. Cells go by their place, from 0."""

    def __init__(self, page: Any, lab: Lab, path: Path) -> None:
        self.page, self.lab, self.path = page, lab, path.relative_to(lab.folder)
        page.goto(f"http://127.0.0.1:{lab.port}/lab/tree/{self.path}?reset&token={lab.token}", timeout=1000 * OPENS_IN)
        page.locator(".jp-Notebook .jp-CodeCell").first.wait_for(timeout=1000 * OPENS_IN)
        page.locator("#jupyterlab-splash").wait_for(state="detached", timeout=1000 * OPENS_IN)
        self._until_idle(OPENS_IN)

    def until(self, holds: Callable[[], bool], seconds: float, complaint: Callable[[], str]) -> None:
        """Wait for it; where it does not come in time, fail with what was found instead."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                pytest.fail(f"waited {seconds} s: {complaint()}")
            self.page.wait_for_timeout(100)

    def _until_idle(self, seconds: float) -> None:
        """Wait for the kernel, as the server knows it and as the page does."""
        shown = self.page.locator(".jp-Notebook-ExecutionIndicator").first

        def states() -> tuple[str, str]:
            return self.lab.kernel(self.path), str(shown.get_attribute("data-status"))

        self.until(lambda: states() == ("idle", "idle"), seconds, lambda: f"the kernel and as shown: {states()}")

    def cell(self, at: int) -> Any:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(at)

    def counts(self) -> dict[int, int]:
        """How often the kernel had run a cell when this cell had run, by cell; those that have not are not there."""
        cells = self.page.locator(".jp-Notebook .jp-Cell").evaluate_all(
            "cells => cells.map(c => c.querySelector('.jp-InputArea-prompt')?.textContent ?? '')"
        )
        found = {at: re.fullmatch(r"\[(\d+)\]:", prompt.strip()) for at, prompt in enumerate(cells)}
        return {at: int(match[1]) for at, match in found.items() if match}

    def folded(self) -> set[int]:
        """The cells whose code is folded away; they show no count."""
        cells = self.page.locator(".jp-Notebook .jp-Cell").evaluate_all(
            "cells => cells.map(c => c.querySelector('.jp-InputArea-prompt') === null)"
        )
        return {at for at, away in enumerate(cells) if away}

    def write(self, at: int, source: str) -> None:
        """Click into a code cell, and put this in the place of what is there."""
        editor = self.cell(at).locator(".cm-content")
        editor.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)
        self.until(
            lambda: "\n".join(editor.locator(".cm-line").all_inner_texts()).split() == source.split(),
            ANSWERS_IN,
            lambda: f"cell {at} should hold\n{source}\nand holds\n{editor.inner_text()}",
        )

    def add(self, source: str) -> int:
        """A new cell at the end, with this in it. Its place."""
        last = self.page.locator(".jp-Notebook .jp-Cell").count() - 1
        self.cell(last).click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("b")
        self.cell(last + 1).locator(".cm-content").wait_for(timeout=1000 * ANSWERS_IN)
        self.write(last + 1, source)
        return last + 1

    def run(self, at: int) -> None:
        """Click into the cell, Ctrl+Enter, and wait for its end."""
        before = max(self.counts().values(), default=0)
        if at in self.folded():
            self.cell(at).locator(".jp-Placeholder").first.click()
        self.cell(at).locator(".cm-content").click()
        self.page.keyboard.press("Control+Enter")
        self._wait_for({at}, before, ANSWERS_IN)

    def run_all(self, cells: set[int]) -> None:
        """Run > Run All Cells, and wait for the end of these, which are all that hold code."""
        before = max(self.counts().values(), default=0)
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        self._wait_for(cells, before, RUNS_IN)

    def _wait_for(self, cells: set[int], before: int, seconds: float) -> None:
        def left() -> set[int]:
            return cells - {at for at, count in self.counts().items() if count > before} - self.folded()

        # After an error the cells below do not run: no use to wait for them.
        self.until(
            lambda: not left() or bool(self.errors()),
            seconds,
            lambda: f"cells {sorted(left())} have not run; the first says: {self.output(min(left()))}",
        )
        self._until_idle(seconds)

    def output(self, at: int) -> str:
        """What stands below a cell."""
        return "\n".join(self.cell(at).locator(".jp-OutputArea-output").all_inner_texts())

    def sees(self, at: int, pattern: str) -> None:
        """Wait until this can be read below a cell."""
        self.until(
            lambda: re.search(pattern, self.output(at)) is not None,
            ANSWERS_IN,
            lambda: f"below cell {at} should stand\n{pattern}\nand there is\n{self.output(at)}",
        )

    def errors(self) -> list[str]:
        """All that was written in red: tracebacks and warnings."""
        red = '[data-mime-type="application/vnd.jupyter.stderr"], [data-mime-type="application/vnd.jupyter.error"]'
        return [str(text) for text in self.page.locator(f".jp-Notebook :is({red})").all_inner_texts()]
