"""submit and fetch_feedback for students who are told apart by JUPYTERHUB_USER.

nbgrader takes the student's name from the operating system, and from JUPYTERHUB_USER only where that name
is "jovyan". On a hub whose servers run under another name, and on one machine with several students, all
would be the same student; here JUPYTERHUB_USER counts wherever it is set.
"""

from __future__ import annotations

import os

from nbgrader.exchange.default import ExchangeFetchFeedback, ExchangeSubmit


class HubSubmit(ExchangeSubmit):
    """`nbgrader submit` under the hub's name for the student."""

    def init_dest(self) -> None:
        """Choose the student before nbgrader does; a name given on the command line still wins."""
        _choose_student(self)
        super().init_dest()


class HubFetchFeedback(ExchangeFetchFeedback):
    """`nbgrader fetch_feedback` under the hub's name for the student."""

    def init_src(self) -> None:
        """Choose the student before nbgrader does; a name given on the command line still wins."""
        _choose_student(self)
        super().init_src()


def _choose_student(step: ExchangeSubmit | ExchangeFetchFeedback) -> None:
    user = os.environ.get("JUPYTERHUB_USER")
    if user and step.coursedir.student_id == "*":
        step.coursedir.student_id = user
