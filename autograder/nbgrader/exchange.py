"""Submit and fetch feedback under the name in JUPYTERHUB_USER, and release feedback past submissions without a secret.

nbgrader takes the student's name from the operating system, and from JUPYTERHUB_USER only where that name
is "jovyan". On a hub whose servers run under another name, and on one machine with several students, all
would be the same student; here JUPYTERHUB_USER counts wherever it is set.
"""

from __future__ import annotations

import glob
import os
from pathlib import Path

from nbgrader.exchange.default import ExchangeFetchFeedback, ExchangeReleaseFeedback, ExchangeSubmit


class HubSubmit(ExchangeSubmit):
    """Makes `nbgrader submit` use the hub's name for the student."""

    def init_dest(self) -> None:
        """Choose the student before nbgrader does; a name given on the command line still wins."""
        _choose_student(self)
        super().init_dest()


class HubFetchFeedback(ExchangeFetchFeedback):
    """Makes `nbgrader fetch_feedback` use the hub's name for the student."""

    def init_src(self) -> None:
        """Choose the student before nbgrader does; a name given on the command line still wins."""
        _choose_student(self)
        super().init_src()


class PatientReleaseFeedback(ExchangeReleaseFeedback):
    """Makes `nbgrader release_feedback` skip submissions that did not come through `nbgrader submit`.

    Those have no secret under which a student could fetch the page, and nbgrader stops at the first of them.
    """

    def copy_files(self) -> None:
        """Exclude and name the students who cannot be reached, and release the other pages."""
        excluded = [name for name in self.coursedir.student_id_exclude.split(",") if name]
        for folder in sorted(glob.glob(self.src_path)):  # noqa: PTH207 (the pattern is an absolute path)
            files = ("timestamp.txt", "submission_secret.txt")
            if not all((Path(folder) / file).exists() for file in files):
                student = Path(folder).parent.name
                excluded.append(student)
                self.log.warning("%s did not use nbgrader submit: hand over %s yourself", student, folder)
        self.coursedir.student_id_exclude = ",".join(excluded)
        super().copy_files()


def _choose_student(step: ExchangeSubmit | ExchangeFetchFeedback) -> None:
    user = os.environ.get("JUPYTERHUB_USER")
    if user and step.coursedir.student_id == "*":
        step.coursedir.student_id = user
