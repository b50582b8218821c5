"""What a cell may not start or look at, and that honest code goes on."""

from __future__ import annotations

import pytest

from tests.sandbox.guest.test_autograd_guard import _answers as answers_of

CONFINED = """
import json
import sys
import torch
from autograder.sandbox.guest import audit
codes = json.load(sys.stdin)
audit.install()
answers = []
for code in codes:
    try:
        exec(compile(code, "<cell>", "exec"), {"torch": torch})
        answers.append("done")
    except BaseException as error:
        answers.append(type(error).__name__)
print(json.dumps(answers))
"""

PROCESSES = [
    "import subprocess, sys\nsubprocess.run([sys.executable, '-c', '1'])",
    "import os\nos.system('true')",
    "import os\nos.fork() or os._exit(0)",
    "import os\nos.posix_spawn('/bin/true', ['true'], {})",
    "import os\nos.execv('/bin/true', ['true'])",
    "import os\nos.popen('true').read()",
    "import multiprocessing\np = multiprocessing.Process(target=print)\np.start()",
    "import pty\npty.fork()",
]
LOOKING = [
    "import ctypes\nctypes.string_at(id(torch))",
    "import ctypes\nctypes.CDLL(None)",
    "import ctypes\nctypes.pythonapi.Py_IsInitialized()",
    "import sys\nsys._getframe()",
    "import sys\nsys._current_frames()",
    "import inspect\ninspect.currentframe()",
    "import inspect\ninspect.stack()",
    "import logging\nlogging.currentframe()",
    "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    error.__traceback__.tb_frame",
    "import traceback\nlist(traceback.walk_stack(None))",
    "def g():\n    yield\ng().gi_frame",
    "import sys\nsys.settrace(print)",
    "import gc\ngc.get_objects()",
    "import gc\ngc.get_referrers(torch)",
    "exec(compile('import sys\\nsys._getframe()', 'elsewhere.py', 'exec'), {})",
]
HONEST_TOO = [
    "import collections\ncollections.namedtuple('Point', 'x y')(1, 2)",
    "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\nA(1)",
    "import logging\nlogging.warning('here')",
    "import warnings\nwarnings.warn('here')",
    "import gc\ngc.collect()",
    "import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.format_exc()",
    "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()",
    "import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()",
    "import typing\nT = typing.TypeVar('T')",
    "import numpy as np\ntorch.from_numpy(np.ones(3)).sum()",
    "import enum\nenum.Enum('E', 'a b')",
]


@pytest.fixture(scope="module")
def confined() -> dict[str, str]:
    """What becomes of a code in a confined process."""
    codes = [*PROCESSES, *LOOKING, *HONEST_TOO]
    return dict(zip(codes, answers_of(CONFINED, codes), strict=True))


@pytest.mark.parametrize("code", PROCESSES)
def test_no_other_process(code, confined):
    assert confined[code] == "PermissionError"


@pytest.mark.parametrize("code", LOOKING)
def test_no_frames_and_no_lists_of_objects(code, confined):
    assert confined[code] == "PermissionError"


@pytest.mark.parametrize("code", HONEST_TOO)
def test_what_honest_code_does_goes_on(code, confined):
    assert confined[code] == "done"
