from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from autograder.course.secret import SecretError, fingerprint, read_or_create


def test_it_is_made_on_first_use_and_stays(tmp_path):
    path = tmp_path / "secret"
    first, new = read_or_create(path)
    assert new
    assert len(bytes.fromhex(first.decode())) == 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_or_create(path) == (first, False)


def test_no_two_are_the_same(tmp_path):
    assert read_or_create(tmp_path / "a")[0] != read_or_create(tmp_path / "b")[0]


def test_of_two_first_uses_at_the_same_time_both_have_the_same(tmp_path):
    """And none reads what the other has not written yet."""
    path = tmp_path / "secret"
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: read_or_create(path), range(8)))
    assert {secret for secret, _ in found} == {read_or_create(path)[0]}
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_white_space_around_it_does_not_count(tmp_path):
    path = tmp_path / "secret"
    path.write_text("  " + "s" * 40 + " \r\n")
    assert read_or_create(path) == (b"s" * 40, False)


@pytest.mark.parametrize("content", [b"", b"\n", b"s" * 31, "ü".encode() * 40, b"\xff" * 64])
def test_what_is_no_secret_is_refused_and_left_alone(tmp_path, content):
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(SecretError, match="secret is not a course secret; restore it from your backup"):
        read_or_create(path)
    assert path.read_bytes() == content


def test_no_folder_is_an_os_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        read_or_create(tmp_path / "no" / "secret")


def test_the_fingerprint_tells_apart_and_tells_nothing():
    one, other = fingerprint(b"one"), fingerprint(b"other")
    assert one == fingerprint(b"one") != other
    assert len(one) == 16
    assert "one" not in one
