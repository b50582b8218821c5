"""`autograder regrade`: mark again with what is there now, and show old marks against new ones before it writes."""

from __future__ import annotations

import os
from pathlib import Path

import click

from autograder.commands.ending import FAILED, INTERRUPTED, one_line_errors, say, stop


@click.command()
@click.argument("assignment")
@click.option("--student", default="*", help="Only students whose names match this pattern, such as 'a*'.")
@click.option("--dry-run", is_flag=True, help="Show what would change, and write nothing.")
def regrade(assignment: str, student: str, dry_run: bool) -> None:
    """Mark again what was marked, and show which marks change.

    For an exercise that was mended, another secret, other credits, a new version of the autograder. Run it in the
    course folder. Marks that a person gave stay.

    Example: autograder regrade backprop --dry-run
    """
    with one_line_errors():
        from autograder.commands.course import CourseFolder
        from autograder.course.folder import CourseError, find_exercises, find_submissions
        from autograder.course.open_grader import open_course

        here = CourseFolder.here()
        find_exercises(assignment)
        course = open_course(here.settings, Path())  # makes the secret, where there is none
        for warning in course.warnings:
            say(warning)
        exercises = here.exercises(assignment)
        files = {
            exercise.path: find_submissions(Path(here.submitted), assignment, exercise.name, student)
            for exercise, _ in exercises
        }
        if not files:
            raise CourseError(
                f"{assignment} has no exercise of ours; nbgrader autograde {assignment} --force grades it"
            )

        from rich.console import Console

        from autograder.classroom.changed import changed_marks, print_changes
        from autograder.classroom.plan import Plan
        from autograder.classroom.run import Interrupted, grade_class

        before = here.marks(assignment, exercises)
        keys = {(e.name, who): cache.key(path) for e, cache in exercises for who, path in files[e.path]}
        console = Console(stderr=True)
        try:
            if not dry_run:
                with here.gradebook(assignment) as writer:
                    for exercise, _ in exercises:
                        writer.check(exercise)  # refuses before anything is graded
            plan = Plan(assignment, files, os.cpu_count() or 1, force=True, keep=False)
            results = grade_class(plan, course, console).submissions
        except Interrupted:
            stop("stopped; nothing was changed", INTERRUPTED)
        known = [result for result in results if (result.student, result.exercise) in before]
        print_changes(changed_marks(before, known), len(known), Console())
        for result in results:
            if result.fault:
                say(f"{result.student}/{result.exercise} could not be graded: {result.error}")
        if dry_run:
            say("nothing was written; to write it: autograder regrade " + assignment)
            return
        caches = {exercise.name: cache for exercise, cache in exercises}
        for result in results:
            if not result.fault:
                caches[result.exercise].put(result, keys.get((result.exercise, result.student)), recorded=False)
        with here.gradebook(assignment) as writer:
            done = grade_class(Plan(assignment, files, os.cpu_count() or 1), course, console, writer)
        for line in done.unrecorded:
            say(line)
        if done.unrecorded:
            raise SystemExit(FAILED)
        say("the gradebook has these marks; new feedback pages: nbgrader generate_feedback " + f"{assignment} --force")
