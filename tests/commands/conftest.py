"""The small course of tests/nbgrader, with results that were kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from autograder.commands.course import CourseFolder
from tests.nbgrader.conftest import Port, port, port_once

__all__ = ["port", "port_once"]


@pytest.fixture
def keep(port: Port, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Hand in the solution and keep a result for it; the current folder is the course's."""
    monkeypatch.chdir(port.folder)
    (port.folder / "nbgrader_config.py").write_text(
        "c = get_config()\nc.CourseDirectory.course_id = 'harbour-course'\n"
        "c.CourseDirectory.source_directory = 'solutions'\n"
    )

    def kept(student: str, wrong: Any = None, timestamp: str | None = None, **more: Any) -> Any:
        path = port.hand_in(student, timestamp=timestamp)
        ((_, cache),) = CourseFolder.here().exercises("port")
        result = replace(port.result(wrong or {}, **more), student=student)
        cache.put(result, cache.key(path), recorded=False)
        return path

    return kept
