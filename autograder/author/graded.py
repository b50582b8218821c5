"""Grade an exercise's own answers: the solution earns all, the stub nothing, the author's others what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autograder.author.answers import own_answers, stub_cells, with_cells
from autograder.author.finding import Finding, error, note
from autograder.exercise.notebook import ANSWERS, Exercise
from autograder.marking.grader import Grader
from autograder.marking.result import StepResult, SubmissionResult
from autograder.submission.notebook import submission_from_notebook


def graded_findings(notebook: Any, exercise: Exercise, grader: Grader, stubs: Mapping[str, str]) -> Iterator[Finding]:
    """Yield where a mark is not what it should be. stubs: the stub lines by grade_id. Raises ExerciseError."""

    def marked(who: str, changed: Any) -> SubmissionResult:
        return grader.grade(who, lambda: submission_from_notebook(changed, exercise))

    solved = marked("solution", notebook)
    if solved.status != "graded":
        yield error("", f"the solution cannot be graded: {solved.error}")
    for step in _short(solved):
        most = step.max_points + step.bonus
        yield error(step.check, f"the solution earns {step.points:g} of {most:g}: {_said(step)}")
    for flag in solved.flags:
        yield note("", f"the solution is flagged: {flag}")
    untouched = marked("stub", with_cells(notebook, stub_cells(exercise, stubs)))
    for step in untouched.steps:
        if step.points > 0:
            yield error(
                step.check, f"the untouched stub earns {step.points:g}: a locked cell must not assign {step.name}"
            )
    for own in own_answers(exercise):
        result = marked(own.path.stem, with_cells(notebook, own.cells))
        where = f"{ANSWERS}/{own.path.name}"
        if own.right:
            for step in _short(result):
                yield error(
                    where,
                    f"is to be right, but {step.name} earns {step.points:g} of {step.max_points + step.bonus:g}: "
                    f"{_said(step)}",
                )
        elif not _short(result):
            yield error(
                where, "is to be wrong, but earns all points; make the data less special, or call it right_*.py"
            )


def _short(result: SubmissionResult) -> list[StepResult]:
    """Return the steps that earned less than they can."""
    return [step for step in result.steps if not step.is_full]


def _said(step: StepResult) -> str:
    why = step.error or step.hint
    return f"{step.verdict.value}, {why}" if why else step.verdict.value
