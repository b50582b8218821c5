"""Whose name counts for a student: the account's, or the one in JUPYTERHUB_USER, which anybody can set."""

from __future__ import annotations

from traitlets.config.loader import Config

VARIABLE = "JUPYTERHUB_USER"
SECTION, TRUST = "HubStudent", "trust_hub_user"
JOVYAN = "jovyan"  # the account of Jupyter's images, under which the servers of all students run


def trusts_hub(config: Config) -> bool:
    """Return whether a course believes JUPYTERHUB_USER under any account (c.HubStudent.trust_hub_user)."""
    return config.get(SECTION, {}).get(TRUST) is True


def hub_student(account: str, hub: str | None, trusted: bool) -> tuple[str | None, str | None]:
    """Return (the student's name from the hub, a warning); without a name, the account's own counts.

    account: the operating system's name. hub: the value of JUPYTERHUB_USER. trusted: whether the course believes it
    under any account.
    """
    if not hub or hub == account:
        return None, None
    if trusted or account == JOVYAN:
        return hub, None
    return None, (
        f"{VARIABLE} is {hub}, but this is the account {account}: {account} counts; where all servers run under one "
        f"account, the course says c.{SECTION}.{TRUST} = True"
    )
