"""A real JupyterLab on a folder of a student's, and a browser that looks at it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STARTS_IN = 120  # seconds
CELLS_RUN_IN = 300_000  # milliseconds


@contextlib.contextmanager
def jupyter_lab(folder: Path, home: Path, theme: str) -> Iterator[str]:
    """JupyterLab for the folder, with settings of its own below `home`. Its address."""
    settings = {
        "notebook-extension/tracker": {"windowingMode": "none"},  # else only the cells in view are in the page
        "apputils-extension/themes": {"theme": theme},
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    }
    for name, value in settings.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [f"--ServerApp.root_dir={folder}", f"--port={port}", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
    # Open to whoever is on this machine, for the seconds that the test takes.
    options += ["--IdentityProvider.token=", "--ServerApp.password="]
    own = {"HOME": str(home), "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "IPYTHONDIR": str(home / "ipython")}
    own |= {"JUPYTER_CONFIG_DIR": str(home / "config"), "JUPYTER_RUNTIME_DIR": str(home / "runtime"), "PYTHONPATH": ""}
    with (home / "lab.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], env=dict(os.environ) | own, stdout=log, stderr=log
        )
    try:
        address = f"http://127.0.0.1:{port}"
        for _ in range(STARTS_IN):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/api"):
                break
            assert server.poll() is None, (home / "lab.log").read_text()
            time.sleep(1)
        yield address
    finally:
        server.terminate()
        server.wait()


class Notebook:
    """One notebook, open in a page of Playwright's."""

    def __init__(self, page: Any, address: str, name: str) -> None:
        self.page = page
        page.goto(f"{address}/lab/tree/{name}")
        page.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=CELLS_RUN_IN)
        # A kernel is there once its name is.
        page.wait_for_function(
            "() => [...document.querySelectorAll('.jp-Toolbar-kernelName')].some(e => /Python/.test(e.textContent))"
        )

    def cell(self, source: str) -> Any:
        """The code cell that contains this text."""
        return self.page.locator(".jp-CodeCell").filter(has=self.page.locator(".jp-Editor", has_text=source)).first

    def write(self, instead_of: str, source: str) -> None:
        """Click into the cell that contains `instead_of`, and put other code in its place."""
        self.cell(instead_of).locator(".cm-content").click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(source)

    def run_all(self) -> None:
        """Run > Run All Cells, and wait for the last."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        prompts = "[...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')].map(e => e.textContent.trim())"
        self.page.wait_for_timeout(1000)
        self.page.wait_for_function(f"() => {prompts}.every(p => /^\\[\\d+\\]:$/.test(p))", timeout=CELLS_RUN_IN)

    def output(self, source: str) -> str:
        """What stands below the cell that contains this text."""
        return str(self.cell(source).locator(".jp-OutputArea-child").all_inner_texts())

    def errors(self) -> list[str]:
        """The tracebacks in the page."""
        return [
            str(text)
            for text in self.page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').all_inner_texts()
        ]
