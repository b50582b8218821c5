"""nbgrader for this course. Run nbgrader's commands in this folder; students point JUPYTER_CONFIG_PATH at it.

NBGRADER_EXCHANGE  the exchange folder, where it is not nbgrader's usual one
"""

import os
from pathlib import Path

from nbconvert.preprocessors import ClearMetadataPreprocessor
from nbgrader import preprocessors as steps

from autograder.nbgrader.exchange import HubFetchFeedback, HubSubmit, PatientReleaseFeedback
from autograder.nbgrader.feedback import use_page
from autograder.nbgrader.mark import MarkByEngine
from autograder.nbgrader.restore import RestoreCells
from autograder.nbgrader.todo import TodoStubs

c = get_config()  # noqa: F821 (nbgrader defines it)

c.CourseDirectory.course_id = "backprop-dojo"
c.CourseDirectory.root = str(Path(__file__).parent)
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"

c.Exchange.root = str(Path(os.environ.get("NBGRADER_EXCHANGE", "/usr/local/share/nbgrader/exchange")).absolute())
c.ExchangeFactory.submit = HubSubmit
c.ExchangeFactory.fetch_feedback = HubFetchFeedback
c.ExchangeFactory.release_feedback = PatientReleaseFeedback
# A notebook that was renamed or left out is said at submission, not found out at grading.
c.ExchangeSubmit.strict = True

# Late submissions: "none" leaves the mark, "zero" takes all of it. Due dates: nbgrader db assignment add.
c.LateSubmissionPlugin.penalty_method = "none"

# nbgrader's own steps, with TodoStubs in the place of ClearSolutions.
c.GenerateAssignment.preprocessors = [
    steps.IncludeHeaderFooter,
    steps.LockCells,
    TodoStubs,
    steps.ClearOutput,
    steps.CheckCellMetadata,
    steps.ComputeChecksums,
    steps.SaveCells,
    steps.ClearHiddenTests,
    steps.ClearMarkScheme,
    steps.ComputeChecksums,
    steps.CheckCellMetadata,
]
# With RestoreCells before OverwriteCells.
c.Autograde.sanitize_preprocessors = [
    steps.ClearOutput,
    RestoreCells,
    steps.OverwriteKernelspec,
    steps.OverwriteCells,
    steps.CheckCellMetadata,
]
# With MarkByEngine in the place of Execute.
c.Autograde.autograde_preprocessors = [
    MarkByEngine,
    ClearMetadataPreprocessor,
    steps.LimitOutput,
    steps.SaveAutoGrades,
    steps.AssignLatePenalties,
    steps.CheckCellMetadata,
]

use_page(c)
