"""Our plugins are set beside nbgrader's own exchange only."""

from __future__ import annotations

import pytest
from traitlets.config import Config

from autograder.nbgrader.plugins import OURS, use_exchange_plugins, uses_another_exchange

NGSHARE = 'c = get_config()\nc.ExchangeFactory.exchange = "ngshare_exchange.Exchange"\n'
CALL = "from autograder.nbgrader.plugins import use_exchange_plugins\nc = get_config()\nuse_exchange_plugins(c)\n"


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A folder in which nbgrader looks for the machine's settings."""
    folder = tmp_path / "machine"
    folder.mkdir()
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", str(folder))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "account"))
    return folder


def plugins(config):
    use_exchange_plugins(config)
    return dict(config.ExchangeFactory)


def test_beside_nbgraders_own_exchange_all_are_set(machine):
    assert plugins(Config()) == OURS
    named = Config(ExchangeFactory={"exchange": "nbgrader.exchange.default.Exchange"})
    assert OURS.items() <= plugins(named).items()


def test_an_exchange_of_the_course_keeps_its_steps(machine):
    theirs = {"exchange": "ngshare_exchange.Exchange", "submit": "ngshare_exchange.ExchangeSubmit"}
    assert plugins(Config(ExchangeFactory=dict(theirs))) == theirs


def test_an_exchange_given_as_a_class_is_seen(machine):
    theirs = type("Exchange", (), {"__module__": "ngshare_exchange.exchange"})
    assert plugins(Config(ExchangeFactory={"exchange": theirs})) == {"exchange": theirs}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("nbgrader_config.py", NGSHARE),
        ("nbgrader_config.json", '{"ExchangeFactory": {"submit": "ngshare_exchange.ExchangeSubmit"}}'),
    ],
)
def test_an_exchange_of_the_machine_keeps_its_steps(machine, name, text):
    (machine / name).write_text(text)
    assert plugins(Config()) == {}


@pytest.mark.parametrize("text", [CALL, "1 / 0", "c = get_config()"])
def test_another_file_of_nbgraders_is_no_exchange(machine, text):
    """A copy of the course's own settings, for one: the search does not go round in a circle."""
    (machine / "nbgrader_config.py").write_text(text)
    assert plugins(Config()) == OURS


def test_doctor_can_ask_for_a_course(machine, tmp_path):
    (tmp_path / "nbgrader_config.py").write_text(CALL)
    assert not uses_another_exchange(tmp_path)
    (machine / "nbgrader_config.py").write_text(NGSHARE)
    assert uses_another_exchange(tmp_path)
