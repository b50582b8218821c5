"""Every feedback page has a policy that lets the scripts of its own head run and nothing else."""

from __future__ import annotations

import pytest

from autograder.nbgrader.pages import with_policy


def policy(head="", body=""):
    page = with_policy(f"<html><head>{head}</head><body>{body}</body></html>")
    return page.partition('Content-Security-Policy" content="')[2].partition('"')[0]


def test_without_scripts_none_runs():
    assert "script-src 'none'" in policy(body="<script>alert(1)</script>")


def test_a_script_of_the_head_runs_by_its_digest_alone():
    allowed = policy(head="<script>ours()</script>")
    assert "script-src 'sha256-" in allowed
    assert "unsafe-inline" not in allowed.partition("style-src")[0]


def test_frames_objects_forms_and_connections_are_refused():
    for directive in ("default-src", "connect-src", "frame-src", "object-src", "base-uri", "form-action"):
        assert f"{directive} 'none'" in policy()


def test_a_page_without_a_head_is_refused():
    with pytest.raises(ValueError, match="without a head"):
        with_policy("<html><body></body></html>")
