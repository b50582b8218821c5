"""What is collected of a submission: plain files of its owner's, and nothing else."""

from __future__ import annotations

import os

import pytest

from autograder.nbgrader.collect import MAX_FILES, CollectError, copy_submission

LIMIT = 10**6


@pytest.fixture
def submission(tmp_path):
    folder = tmp_path / "ada+port+2030-01-01 10:00:00 UTC"
    (folder / "pictures").mkdir(parents=True)
    (folder / "harbour.ipynb").write_text("{}")
    (folder / "pictures" / "x.png").write_bytes(b"x")
    (folder / "._harbour.ipynb").write_text("stray")
    return folder


def copied(submission, student=None, limit=LIMIT):
    target = submission.parent / "collected"
    copy_submission(submission, target, student, limit, limit)
    return {str(path.relative_to(target)) for path in target.rglob("*") if path.is_file()}


def test_plain_files_are_copied_for_the_owner_only(submission):
    before = os.umask(0)
    try:
        assert copied(submission) == {"harbour.ipynb", "pictures/x.png"}
    finally:
        os.umask(before)
    target = submission.parent / "collected"
    assert (target / "harbour.ipynb").stat().st_mode & 0o777 == 0o600
    assert target.stat().st_mode & 0o777 == 0o700


def _hard_link(folder):
    (folder.parent / "secret").write_text("x")
    os.link(folder.parent / "secret", folder / "notes.txt")


def _deep(folder):
    folder.joinpath(*["a"] * 30).mkdir(parents=True)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: (folder / "x.ipynb").symlink_to("/etc/passwd"), "no links"),
        (lambda folder: (folder / "x.ipynb").symlink_to("nowhere"), "no links"),
        (lambda folder: (folder / "more").symlink_to(folder, target_is_directory=True), "is a link"),
        (lambda folder: os.mkfifo(folder / "x.ipynb"), "not a plain file"),
        (_hard_link, "another name of a file"),
        (_deep, "deep"),
        (lambda folder: [(folder / str(i)).touch() for i in range(MAX_FILES + 1)], "files; submit"),
        (lambda folder: os.truncate(folder / "harbour.ipynb", 10**12), "which is too much"),
    ],
    ids=["link", "dangling", "folder", "fifo", "hard link", "deep", "many", "sparse"],
)
def test_anything_else_is_named_and_not_collected(submission, make, says):
    make(submission)
    with pytest.raises(CollectError, match=says):
        copied(submission)


def test_a_submission_that_is_a_link_or_a_file_is_none(submission, tmp_path):
    (tmp_path / "link").symlink_to(submission, target_is_directory=True)
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "link", tmp_path / "file"):
        with pytest.raises(CollectError, match="not a folder of its own"):
            copy_submission(path, tmp_path / "collected", None, LIMIT, LIMIT)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_the_owner_is_compared_with_the_student_it_names(submission):
    os.chown(submission, 1, 1)  # daemon
    with pytest.raises(CollectError, match="belongs to the account daemon, not to bin"):
        copied(submission, "bin")
    for path in submission.rglob("*"):
        os.chown(path, 1, 1)
    assert "harbour.ipynb" in copied(submission, "daemon")
