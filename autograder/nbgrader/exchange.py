"""Submit and fetch feedback under the hub's name where the course says so; release feedback past missing secrets.

nbgrader takes the student's name from the operating system, and from JUPYTERHUB_USER only where that name is "jovyan".
On a hub whose servers all run under another name, all would be the same student: there a course believes the variable
(c.HubStudent.trust_hub_user). It is not believed otherwise, because anybody can set it.
"""

from __future__ import annotations

import glob
import os
import shutil
from pathlib import Path

from nbgrader.exchange.default import ExchangeFetchFeedback, ExchangeReleaseFeedback, ExchangeSubmit
from nbgrader.utils import get_osusername, notebook_hash
from traitlets import Bool
from traitlets.config import Configurable

from autograder.course.hub import VARIABLE, hub_student
from autograder.submission.file import UnreadableError, read_plain_file
from autograder.text import one_line

MAX_SECRET = 1000  # bytes; nbgrader's has 128


class HubStudent(Configurable):
    """A step of the exchange that is a student's, under the hub's name where that is to be believed."""

    trust_hub_user = Bool(
        False, help="Believe JUPYTERHUB_USER under any account: for a hub whose servers all run under one."
    ).tag(config=True)

    def choose_student(self) -> None:
        """Set the student where the hub's name counts; a name given on the command line wins."""
        name, warning = hub_student(get_osusername(), os.environ.get(VARIABLE), self.trust_hub_user)
        if self.coursedir.student_id != "*":
            return
        if warning is not None:
            self.log.warning("%s", one_line(warning))
        if name is not None:
            self.coursedir.student_id = name


class HubSubmit(HubStudent, ExchangeSubmit):
    """Makes `nbgrader submit` use the hub's name for the student where it counts."""

    def init_dest(self) -> None:
        """Choose the student before nbgrader does; a name given on the command line still wins."""
        self.choose_student()
        super().init_dest()


class HubFetchFeedback(HubStudent, ExchangeFetchFeedback):
    """Makes `nbgrader fetch_feedback` use the hub's name for the student where it counts."""

    def init_src(self) -> None:
        """Choose the student before nbgrader does; a name given on the command line still wins."""
        self.choose_student()
        super().init_src()


class PatientReleaseFeedback(ExchangeReleaseFeedback):
    """Makes `nbgrader release_feedback` skip submissions that did not come through `nbgrader submit`.

    Those have no secret under which a student could fetch the page, and nbgrader stops at the first of them.
    """

    def copy_files(self) -> None:
        """Release the pages of everybody who can be reached, and name the others."""
        excluded = (self.coursedir.student_id_exclude or "").split(",")
        for folder in map(Path, sorted(glob.glob(self.src_path))):  # noqa: PTH207 (the pattern is an absolute path)
            student = folder.parent.name
            if student in excluded:
                continue
            try:
                secret = read_plain_file(folder / "submission_secret.txt", MAX_SECRET).decode().strip()
                if not secret:
                    raise UnreadableError("its secret is empty")
            except (UnreadableError, UnicodeDecodeError):
                name = one_line(student)
                self.log.warning("%s did not use nbgrader submit: hand over %s yourself", name, one_line(str(folder)))
                continue
            for page in self._pages(folder):
                try:
                    self._release(page, secret)
                except OSError as error:
                    self.log.error("%s is not released: %s", one_line(str(page)), error.strerror)

    def _pages(self, folder: Path) -> list[Path]:
        """Return the pages of a feedback folder that belong to an autograded notebook: no file of the student's own."""
        student, assignment = folder.parent.name, folder.name
        autograded = self.coursedir.format_path(self.coursedir.autograded_directory, student, assignment)
        return [page for page in sorted(folder.glob("*.html")) if Path(autograded, f"{page.stem}.ipynb").is_file()]

    def _release(self, page: Path, secret: str) -> None:
        target = Path(self.dest_path) / f"{notebook_hash(secret=secret, notebook_id=page.stem)}.html"
        temporary = target.with_name(f"{target.stem}-tmp.html")
        shutil.copyfile(page, temporary)
        temporary.chmod(0o644)
        temporary.replace(target)
        self.log.info("Feedback released to: %s", target)
