"""What is no cluster is said in a line."""

import pytest

from autograder.classroom import connect
from autograder.classroom.connect import ClusterError, connected


@pytest.mark.parametrize("address", ["local:", "local:0", "local:many"])
def test_an_address_without_a_number_of_workers_is_refused(address):
    with pytest.raises(ClusterError, match="write local:4 for four"), connected(address):
        pass


def test_an_address_where_nobody_answers_is_named(monkeypatch):
    monkeypatch.setattr(connect, "CONNECT_SECONDS", 0.5)
    said = r"no scheduler of a Dask cluster answers at tcp://127\.0\.0\.1:9"
    with pytest.raises(ClusterError, match=said), connected("tcp://127.0.0.1:9"):
        pass
