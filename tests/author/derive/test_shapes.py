import pytest

from tests.author.derive.lines import LINES, check


@pytest.mark.parametrize("text", LINES["shapes"])
def test_a_line_is_derived_as_autograd_does(text):
    check(text)
