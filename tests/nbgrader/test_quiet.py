"""What `nbgrader autograde` prints; tests/end_to_end runs it."""

from __future__ import annotations

import io
import logging
from dataclasses import replace

import pytest

from autograder.nbgrader import quiet as module
from autograder.nbgrader.quiet import MAX_SAID, quiet, said_of
from tests.marking.test_result import ADA


@pytest.fixture
def log(tmp_path):
    """A logger with a terminal and a file, as nbgrader's applications have."""
    made = logging.getLogger("test quiet")
    made.setLevel(logging.DEBUG)
    terminal, file = logging.StreamHandler(io.StringIO()), logging.FileHandler(tmp_path / "log")
    terminal.setLevel(logging.INFO)
    made.handlers[:] = [terminal, file]
    yield made, terminal, tmp_path / "log"
    file.close()


def ours(log, text):
    """A message that comes from a module of ours."""
    log.handle(log.makeRecord(log.name, logging.INFO, module.__file__, 1, text, (), None))


def test_only_our_lines_and_warnings_are_printed(log):
    logger, terminal, file = log
    with quiet(logger):
        logger.info("Copying x")
        logger.warning("Removing existing assignment: x")
        logger.warning("a warning")
        logger.error("Traceback (most recent call last): ...")
        ours(logger, "ada: 1 / 1")
    logger.info("after")
    assert terminal.stream.getvalue().splitlines() == ["a warning", "ada: 1 / 1", "after"]
    assert "Copying x" in file.read_text()


def test_with_debug_everything_is(log):
    logger, terminal, _ = log
    terminal.setLevel(logging.DEBUG)
    with quiet(logger):
        logger.info("Copying x")
    assert terminal.stream.getvalue() == "Copying x\n"


def test_a_notebook_is_said_in_a_few_words():
    assert said_of("harbour", ADA) == "harbour 1 / 3 (a flag)"
    assert said_of("essay", None) == "essay graded by nbgrader"
    evil = replace(ADA, status="unreadable", error="x\n\x1b[2J" * MAX_SAID, flags=())
    said = said_of("harbour", evil)
    assert said.startswith("harbour 1 / 3 (unreadable: x ")
    assert said.isprintable()
    assert len(said) < MAX_SAID + 50
