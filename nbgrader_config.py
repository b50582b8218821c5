"""nbgrader for this course. Run nbgrader's commands in this folder; students point JUPYTER_CONFIG_PATH at it.

NBGRADER_EXCHANGE  the exchange folder, where it is not nbgrader's usual one
"""

import os
from pathlib import Path

from autograder.nbgrader.feedback import use_page
from autograder.nbgrader.plugins import use_exchange_plugins

c = get_config()  # noqa: F821 (nbgrader defines it)

c.CourseDirectory.course_id = "backprop-dojo"
c.CourseDirectory.root = str(Path(__file__).parent)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
# What lies beside a notebook goes to the students, but for this; answers/ has those that `autograder check` tries.
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "answers"]

c.Exchange.root = str(Path(os.environ.get("NBGRADER_EXCHANGE", "/usr/local/share/nbgrader/exchange")).absolute())
# Where nbgrader's own exchange is in use; another one, such as ngshare, keeps its own steps.
use_exchange_plugins(c)
# True: JUPYTERHUB_USER names the student under any account. Only for a hub whose servers all run under one account.
c.HubStudent.trust_hub_user = False
c.ExportApp.plugin_class = "autograder.nbgrader.export.SafeCsvExportPlugin"
# Gradebook, submissions, marks and pages are for their owner only. Not for a course that several accounts share.
c.BaseConverter.post_convert_hook = "autograder.nbgrader.private.seal"
# A notebook that was renamed or left out is said at submission, not found out at grading.
c.ExchangeSubmit.strict = True

# Late submissions: per cent of the marks that each day begun costs, minutes that do not count, and days that each
# student may be late for nothing in all assignments together. Due dates: nbgrader db assignment add; more time for one
# student: autograder extend. penalty_method "zero" takes all marks.
c.AssignLatePenalties.plugin_class = "autograder.nbgrader.late.LatePolicy"
c.LatePolicy.percent_per_day = 0
c.LatePolicy.grace_minutes = 0
c.LatePolicy.late_days = 0
c.LateSubmissionPlugin.penalty_method = "none"

# Hidden cases are drawn from this file. It is made on first use and belongs to the course: back it up, share it
# with nobody. Another secret, other cases.
c.MarkByEngine.secret = "course-secret"
# The part of a step's points that these verdicts earn; exact, approximate and follow-through earn all of it.
c.MarkByEngine.credit = {"path-missing": 0.5, "hard-coded": 0.5}
# How far student code is confined (SECURITY.md): auto takes bubblewrap where it works and says where it does not.
c.MarkByEngine.isolation = "auto"
# What one submission may use, such as {"cell_seconds": 20.0}; the usual is in autograder/sandbox/limits.py.
c.MarkByEngine.limits = {}

# nbgrader's own steps, with TodoStubs in the place of ClearSolutions, and SaveMendedCells in that of SaveCells: an
# exercise may be mended after students have submitted. The first refuses what grading would refuse.
c.GenerateAssignment.preprocessors = [
    "autograder.nbgrader.refuse.RefuseFaults",
    "nbgrader.preprocessors.IncludeHeaderFooter",
    "nbgrader.preprocessors.LockCells",
    "autograder.nbgrader.stubs.TodoStubs",
    "nbgrader.preprocessors.ClearOutput",
    "nbgrader.preprocessors.CheckCellMetadata",
    "nbgrader.preprocessors.ComputeChecksums",
    "autograder.nbgrader.mended.SaveMendedCells",
    "nbgrader.preprocessors.ClearHiddenTests",
    "nbgrader.preprocessors.ClearMarkScheme",
    "nbgrader.preprocessors.ComputeChecksums",
    "nbgrader.preprocessors.CheckCellMetadata",
]
# Reads submissions as `autograder grade` does, and sees to it that nothing in one of them stops the others.
c.Autograde.exporter_class = "autograder.nbgrader.autograde.SubmissionExporter"
# With RestoreCells in the place of DeduplicateIds and OverwriteCells; it leaves CheckCellMetadata nothing to find.
c.Autograde.sanitize_preprocessors = [
    "nbgrader.preprocessors.ClearOutput",
    "autograder.nbgrader.restore.RestoreCells",
    "nbgrader.preprocessors.OverwriteKernelspec",
]
# With MarkByEngine in the place of Execute, and RecordMarks in that of SaveAutoGrades.
c.Autograde.autograde_preprocessors = [
    "autograder.nbgrader.mark.MarkByEngine",
    "nbconvert.preprocessors.ClearMetadataPreprocessor",
    "nbgrader.preprocessors.LimitOutput",
    "autograder.nbgrader.sanitize.InertMarkup",
    "autograder.nbgrader.gradebook.RecordMarks",
]

use_page(c)
