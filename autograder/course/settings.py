"""Read and check a course's settings: MarkByEngine in its nbgrader_config.py or on nbgrader's command line."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from traitlets import Dict, Enum, TraitError, Unicode, validate
from traitlets.config import Configurable
from traitlets.config.loader import Config, ConfigFileNotFound, PyFileConfigLoader

from autograder.marking.verdict import CREDIT, Verdict
from autograder.sandbox.host.bubblewrap import AUTO, CHOICES
from autograder.sandbox.limits import Limits

CONFIG = "nbgrader_config.py"
SECTION = "MarkByEngine"
VERDICTS = [verdict.value for verdict in Verdict]


class SettingsError(ValueError):
    """Raised where a setting has no meaning; the message names it and lists what it may be."""


@dataclass(frozen=True)
class Settings:
    """The settings of one course.

    secret: path of the course secret. credit: the part of a step's points, 0 to 1, by verdict.
    isolation: the degree that is asked for, one of sandbox.host.bubblewrap.CHOICES. limits: those of one submission.
    exchange: nbgrader's exchange folder, where one is configured.
    """

    secret: Path
    credit: Mapping[str, float]
    isolation: str = AUTO
    limits: Limits = field(default_factory=Limits)
    exchange: Path | None = None


class SettingTraits(Configurable):
    """The settings as traits, which traitlets fills from the configuration file and the command line and checks."""

    secret = Unicode("course-secret", help="The file that hidden cases are drawn from; made on first use.").tag(
        config=True
    )
    credit = Dict({}, help="The part of a step's points for a verdict, where it is not the usual.").tag(config=True)
    isolation = Enum(CHOICES, AUTO, help="How far student code is confined: auto, bubblewrap or process.").tag(
        config=True
    )
    limits = Dict({}, help="What one submission may use, where it is not the usual; see sandbox/limits.py.").tag(
        config=True
    )

    @validate("credit")
    def _check_credit(self, proposal: Any) -> dict[str, float]:
        for verdict, part in proposal.value.items():
            if verdict not in VERDICTS:
                raise TraitError(f"{SECTION}.credit: there is no verdict {verdict}; there are {', '.join(VERDICTS)}")
            if isinstance(part, bool) or not isinstance(part, int | float) or not 0 <= part <= 1:
                raise TraitError(f"{SECTION}.credit: {verdict} has {part}, expected a number from 0 to 1")
        return {verdict: float(part) for verdict, part in proposal.value.items()}

    @validate("limits")
    def _check_limits(self, proposal: Any) -> dict[str, float]:
        usual = asdict(Limits())
        for name, value in proposal.value.items():
            if name not in usual:
                raise TraitError(f"{SECTION}.limits: there is no limit {name}; there are {', '.join(usual)}")
            kind = type(usual[name])
            if isinstance(value, bool) or not isinstance(value, int | kind) or value <= 0:
                expected = "a whole number" if kind is int else "a number"
                raise TraitError(f"{SECTION}.limits: {name} is {value!r}, expected {expected} above 0")
        return {name: type(usual[name])(value) for name, value in proposal.value.items()}

    def settings(self, folder: Path) -> Settings:
        """Return the settings; `folder` is the course folder, in which the secret's path begins."""
        credit = {**CREDIT, **self.credit}
        limits = replace(Limits(), **self.limits)
        return Settings(folder / self.secret, credit, self.isolation, limits, _exchange(self.config))


def load_config(folder: Path) -> Config:
    """Return the nbgrader configuration of the course in `folder`, empty where it has none. Raises SettingsError."""
    try:
        return PyFileConfigLoader(CONFIG, path=str(folder.resolve())).load_config()
    except ConfigFileNotFound:
        return Config()
    except Exception as error:
        raise SettingsError(f"{folder / CONFIG} cannot be read: {type(error).__name__}: {error}") from None


def settings_from_config(config: Config, folder: Path) -> Settings:
    """Return the settings in the configuration of the course in `folder`. Raises SettingsError."""
    try:
        traits = SettingTraits(config=Config({SettingTraits.__name__: config.get(SECTION, {})}))
    except TraitError as error:
        raise SettingsError(_about_section(str(error))) from None
    return replace(traits.settings(folder), exchange=_exchange(config))


def _exchange(config: Config) -> Path | None:
    root = config.get("Exchange", {}).get("root")
    return Path(root) if isinstance(root, str) and root else None


def _about_section(message: str) -> str:
    """Return the message with the section's name where traitlets writes "The 'credit' trait of a ... instance"."""
    return re.sub(rf"^The '(\w+)' trait of an? {SettingTraits.__name__} instance", rf"{SECTION}.\1", message)
