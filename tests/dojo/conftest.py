"""A notebook for the tests of what students get."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dojo.book import Book


@pytest.fixture
def book() -> Iterator[Book]:
    """The small exercise, its locked cells run."""
    made = Book().open()
    yield made
    made.close()
