"""A database that may be removed, and that is made with its first row."""

from __future__ import annotations

import errno
import shutil

import pytest

from autograder.course.database import Database

TABLES = "CREATE TABLE IF NOT EXISTS word (word TEXT PRIMARY KEY);"


@pytest.fixture
def database(tmp_path):
    made = Database(tmp_path / "made" / "words.db", TABLES)
    yield made
    made.close()


def add(database, word):
    with database.writing() as connection:
        connection.execute("INSERT INTO word VALUES (?)", (word,))


def words(database):
    return [word for (word,) in database.rows("SELECT word FROM word ORDER BY word")]


def test_reading_makes_none(database, tmp_path):
    assert words(database) == []
    assert not database.is_there()
    assert list(tmp_path.iterdir()) == []


def test_what_is_written_is_there(database):
    add(database, "mast")
    add(database, "keel")
    database.close()
    assert words(database) == ["keel", "mast"]
    assert database.is_there()
    assert database.rows("SELECT word FROM word WHERE word = ?", "keel") == [("keel",)]


def test_a_transaction_is_whole(database):
    add(database, "mast")

    def fail():
        with database.writing() as connection:
            connection.execute("INSERT INTO word VALUES ('keel')")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert words(database) == ["mast"]


def test_what_the_database_refuses_is_an_error_of_the_file_system(database):
    add(database, "mast")
    with pytest.raises(OSError, match="could not be kept: UNIQUE") as failed:
        add(database, "mast")
    assert failed.value.errno == errno.EIO
    assert words(database) == ["mast"]


def test_one_that_somebody_removes_is_made_anew(database, tmp_path):
    """formgrader has it open for days."""
    add(database, "mast")
    shutil.rmtree(tmp_path / "made")
    assert words(database) == []
    add(database, "keel")
    database.close()
    assert words(database) == ["keel"]


def test_one_that_another_run_has_replaced_is_the_one_that_counts(database, tmp_path):
    add(database, "mast")
    other = Database(tmp_path / "made" / "others.db", TABLES)
    add(other, "rope")
    other.close()
    (tmp_path / "made" / "others.db").replace(tmp_path / "made" / "words.db")
    assert words(database) == ["rope"]
    add(database, "keel")
    database.close()
    assert words(database) == ["keel", "rope"]
