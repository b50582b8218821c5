"""Set our plugins of nbgrader's exchange, unless the course or its hub uses another exchange, such as ngshare."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_core.paths import jupyter_config_path
from traitlets.config.loader import Config, ConfigFileNotFound, JSONFileConfigLoader, PyFileConfigLoader

NAME = "nbgrader_config"
FACTORY = "ExchangeFactory"
OURS = {
    "submit": "autograder.nbgrader.exchange.HubSubmit",
    "fetch_feedback": "autograder.nbgrader.exchange.HubFetchFeedback",
    "collect": "autograder.nbgrader.collect.SafeCollect",
    "release_feedback": "autograder.nbgrader.exchange.PatientReleaseFeedback",
}
LOOKING = "DOJO_LOOKING_FOR_EXCHANGE"


def use_exchange_plugins(config: Any) -> None:
    """Set our plugins in nbgrader's configuration, where nbgrader's default exchange is in use.

    Another exchange may be set in `config` already, or in a configuration file of the machine or the account; theirs is
    then left as it is, because ours work on the files of nbgrader's own.
    """
    if os.environ.get(LOOKING):  # this file is being read by the search below
        return
    if _other(config) or any(map(_other, _machines())):
        return
    for step, plugin in OURS.items():
        config[FACTORY][step] = plugin


def _other(config: Config) -> bool:
    """Return whether an exchange other than nbgrader's default is set."""
    chosen = [config.get(FACTORY, {}).get(part) for part in ("exchange", *OURS)]
    names = [each if isinstance(each, str) else getattr(each, "__module__", "") for each in chosen if each]
    return any(not name.startswith(("nbgrader.", "autograder.")) for name in names)


def _machines() -> list[Config]:
    """Return what nbgrader reads of the machine and the account besides the course's own file."""
    found = []
    os.environ[LOOKING] = "1"
    try:
        for folder in dict.fromkeys(map(str, jupyter_config_path())):
            for loader in (JSONFileConfigLoader(f"{NAME}.json", folder), PyFileConfigLoader(f"{NAME}.py", folder)):
                try:
                    found.append(loader.load_config())
                except ConfigFileNotFound:
                    continue
                except Exception:  # nbgrader reads the same file and says what is wrong with it
                    continue
    finally:
        del os.environ[LOOKING]
    return found


def uses_another_exchange(folder: Path) -> bool:
    """Return whether nbgrader, run in this course folder, is set to another exchange than its default."""
    from autograder.course.settings import load_config

    return any(map(_other, (load_config(folder), *_machines())))
