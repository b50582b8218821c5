"""A line runs one submission at a time, says how it ended, and disturbs no other line."""

from __future__ import annotations

import pytest

from autograder.sandbox.host.line import Line
from autograder.sandbox.host.sandbox import WarmProcess
from autograder.sandbox.messages import Request, Run, ScriptCell
from autograder.sandbox.wire import Frame
from autograder.submission.notebook import submission_from_notebook
from tests import notebooks
from tests.sandbox.host.conftest import QUICK
from tests.warm import process_of


class TestHiddenCases:
    def test_the_public_run_has_nothing_of_them(self, sandbox):
        """What a hidden run leaves in the process, autograd could be asked about in the public one."""
        keep = "torch.stash = [*getattr(torch, 'stash', []), float(sail.sum())]\nprint(len(torch.stash))"
        runs = (Run(1, False), Run(2, False), Run(0, False))
        recording = sandbox.run(Request((ScriptCell(0, keep, ()),), runs))
        assert recording.unfinished is None
        assert [run.cells[0].text for run in recording.runs] == ["", "", "1\n"]

    def test_how_one_ends_tells_nothing(self, sandbox):
        script = (ScriptCell(0, "import os\nif rows != 6:\n    os._exit(rows)", ()),)
        runs = tuple(Run(case, False) for case in range(len(sandbox._cases)))
        recording = sandbox.run(Request(script, runs))
        assert recording.unfinished.why == "its Python process ended early in a hidden case"
        assert 0 in recording.runs[0].cells


def test_a_line_that_is_taken_down_leaves_the_others_alone(harbour, harbour_references, degree):
    cases = [harbour_references.public.known]
    script = submission_from_notebook(notebooks.harbour(), harbour).script
    with WarmProcess(harbour, 2, QUICK, degree) as process:
        process.start(cases)
        first, second = Line(process, 0, cases), Line(process, 1, cases)
        process.line(0).close()
        try:
            assert first.run(Request(script, (Run(0, False),))).unfinished is None
            assert process_of(first) is not process
            assert second.run(Request(script, (Run(0, False),))).unfinished is None
            assert process_of(second) is process
        finally:
            first.close()


@pytest.mark.parametrize(
    ("header", "sentence"),
    [
        ({"ending": "timeout"}, "stopped after 10 s in all"),
        ({"ending": "stalled"}, "stopped after 0.4 s"),
        ({"ending": "flood"}, "it sent more than 2 MB"),
        ({"ending": "closed", "exit": -11}, "its Python process ended early (killed by signal 11)"),
        ({"ending": "closed", "exit": 3}, "its Python process ended early (exit code 3)"),
        ({"ending": "closed"}, "its Python process ended early (exit code None)"),
    ],
)
def test_how_it_ended_in_words(harbour, header, sentence):
    ended = Line(WarmProcess(harbour, 1, QUICK), 0, [])._why_ended(Frame(header))
    assert (ended.why, ended.late) == (sentence, header["ending"] in ("timeout", "stalled"))
