"""Methods are replaced, and what they were is returned."""

from autograder.nbgrader.replaced import replaced


class Application:
    def run(self):
        return "theirs"

    def stop(self):
        return "stopped"


def test_the_methods_are_replaced_and_those_of_nbgrader_returned():
    before = Application()
    theirs = replaced(Application, {"run": lambda self: "ours"})
    assert (before.run(), before.stop()) == ("ours", "stopped")
    assert {name: method(before) for name, method in theirs.items()} == {"run": "theirs"}
