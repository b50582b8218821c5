"""What a course may set, in the MarkByEngine section of its nbgrader_config.py."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from traitlets.config.loader import Config, ConfigFileNotFound, PyFileConfigLoader

from autograder.isolation import AUTO, CHOICES
from autograder.limits import Limits
from autograder.verdict import CREDIT, Verdict

CONFIG = "nbgrader_config.py"
SECTION = "MarkByEngine"
SECRET = Path("course-secret")
VERDICTS = [verdict.value for verdict in Verdict]


class SettingsError(ValueError):
    """A setting that cannot be; the message says which and what it may be."""


@dataclass(frozen=True)
class Settings:
    """secret: path of the course secret. credit: the part of a step's points for each verdict.

    isolation: the degree that is asked for, one of autograder.isolation.CHOICES. limits: of one submission.
    """

    secret: Path
    credit: Mapping[str, float]
    isolation: str = AUTO
    limits: Limits = field(default_factory=Limits)


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
    isolation = section.get("isolation", AUTO)
    if isolation not in CHOICES:
        raise SettingsError(f"{SECTION}.isolation is {isolation!r}, expected one of {', '.join(CHOICES)}")
    credit = {**CREDIT, **{str(verdict): float(part) for verdict, part in changed.items()}}
    return Settings(secret, credit, isolation, _limits(section.get("limits", {})))


def _limits(changed: Any) -> Limits:
    usual = asdict(Limits())
    if not isinstance(changed, Mapping):
        raise SettingsError(
            f"{SECTION}.limits is {changed!r}, expected names and numbers such as {{'cell_seconds': 20}}"
        )
    for name, value in changed.items():
        if name not in usual:
            raise SettingsError(f"{SECTION}.limits: there is no limit {name}; there are {', '.join(usual)}")
        kind = type(usual[name])
        if isinstance(value, bool) or not isinstance(value, int | kind) or value <= 0:
            expected = "a whole number" if kind is int else "a number"
            raise SettingsError(f"{SECTION}.limits: {name} is {value!r}, expected {expected} above 0")
    return replace(Limits(), **{name: type(usual[name])(value) for name, value in changed.items()})
