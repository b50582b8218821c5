"""What a course may set, in the MarkByEngine section of its nbgrader_config.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from traitlets.config.loader import Config, ConfigFileNotFound, PyFileConfigLoader

from autograder.verdict import CREDIT, Verdict

CONFIG = "nbgrader_config.py"
SECTION = "MarkByEngine"
SECRET = Path("course-secret")
VERDICTS = [verdict.value for verdict in Verdict]


class SettingsError(ValueError):
    """A setting that cannot be; the message says which and what it may be."""


@dataclass(frozen=True)
class Settings:
    """secret: path of the course secret. credit: the part of a step's points for each verdict."""

    secret: Path
    credit: Mapping[str, float]


def load_config(folder: Path) -> Config:
    """The nbgrader configuration of the course in `folder`; empty where it has none. Raises SettingsError."""
    try:
        return PyFileConfigLoader(CONFIG, path=str(folder.resolve())).load_config()
    except ConfigFileNotFound:
        return Config()
    except Exception as error:
        raise SettingsError(f"{folder / CONFIG} cannot be read: {type(error).__name__}: {error}") from None


def settings_from_config(config: Config, folder: Path) -> Settings:
    """The settings in a course's configuration. Raises SettingsError."""
    return settings_from(config.get(SECTION, {}), folder)


def settings_from(section: Mapping[str, Any], folder: Path) -> Settings:
    """The settings that a config section makes. Raises SettingsError."""
    secret = folder / Path(str(section.get("secret", SECRET)))
    changed = section.get("credit", {})
    if not isinstance(changed, Mapping):
        raise SettingsError(
            f"{SECTION}.credit is {changed!r}, expected verdicts and numbers such as {{'hard-coded': 0.5}}"
        )
    for verdict, part in changed.items():
        if verdict not in VERDICTS:
            raise SettingsError(f"{SECTION}.credit: there is no verdict {verdict}; there are {', '.join(VERDICTS)}")
        if not isinstance(part, int | float) or not 0 <= part <= 1:
            raise SettingsError(f"{SECTION}.credit: {verdict} has {part}, expected a number from 0 to 1")
    return Settings(secret, {**CREDIT, **{str(verdict): float(part) for verdict, part in changed.items()}})
