"""What belongs to a course is for its owner only, whatever the umask made of it."""

from __future__ import annotations

import stat

from autograder.nbgrader.private import FILES, FOLDERS, seal


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_private_files_and_folders_lose_everybody_elses_rights(tmp_path):
    for name in FILES:
        (tmp_path / name).touch(0o666)
        (tmp_path / name).chmod(0o666)
    for name in FOLDERS:
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(0o777)
    seal(tmp_path)
    assert {mode(tmp_path / name) for name in FILES} == {0o600}
    assert {mode(tmp_path / name) for name in FOLDERS} == {0o700}


def test_other_files_and_what_a_link_points_to_stay(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.touch()
    elsewhere.chmod(0o666)
    (tmp_path / "gradebook.db").symlink_to(elsewhere)
    seal(tmp_path)
    assert mode(elsewhere) == 0o666


def test_an_empty_folder_is_no_fault(tmp_path):
    seal(tmp_path)
    assert list(tmp_path.iterdir()) == []
