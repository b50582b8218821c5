"""What a submission of `harbour` may try, and the mark that it earns.

Each is the code of one cell, that of `drope` where nothing else is said. It prints GOT where it has reached what it
should not; what is printed is looked through, too, for the words that lie in the files it must not read.
"""

# ruff: noqa: E501 (code in one line of text)
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.notebooks import HARBOUR_ANSWERS, Notebook, harbour, with_cells

SECRET_WORD = "Zwölfuhrläuten"  # in every file and variable that no submission may read
RIGHT = HARBOUR_ANSWERS["drope"]
WRONG = "drope = dmast.sum(0) * 2"


@dataclass(frozen=True)
class Attack:
    """One hostile submission. verdicts: those that drope may earn, none where it keeps its mark.

    all_lost: it spoils what comes back of itself, so that no step keeps its mark.
    then: what follows in the cell of drope. first: whether the source is a cell of its own before all others.
    """

    kind: str
    name: str
    source: str
    verdicts: tuple[str, ...]
    then: str = ""
    first: bool = False
    all_lost: bool = False

    @property
    def student(self) -> str:
        """Whose submission it is."""
        return f"{self.kind}, {self.name}".replace("/", "|")

    def notebook(self, places: dict[str, Any]) -> Notebook:
        """The submission. places: what to put for names in angle brackets: ports, paths."""
        source = self.source
        for name, value in places.items():
            source = source.replace(f"<{name}>", str(value))
        if self.first:
            return with_cells("dpart", source, of=harbour(drope=self.then or RIGHT))
        return harbour(drope=f"{source}\n{self.then}")


def _all(kind: str, verdicts: str, attacks: dict[str, str], then: str = "", *, first: bool = False) -> list[Attack]:
    expected = tuple(verdicts.split())
    return [Attack(kind, name, source, expected, then, first) for name, source in attacks.items()]


TIME = {
    "a loop": "while True: pass",
    "a loop that swallows": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "a loop in torch": "x = torch.ones(300, 300)\nwhile True: x = (x @ x).tanh()",
    "a loop in C": "sum(range(10**12))",
    "a slow pattern": "import re\nre.match('(a+)+b', 'a' * 40)",
    "a sleep": "import time\ntime.sleep(1000)",
    "a loop without its alarm": "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0)\nwhile True: pass",
    "an endless message": "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
    "an endless picture of a value": "class E:\n    def __repr__(self):\n        while True: pass\nE()",
    "a lock that nobody opens": "import threading\nthreading.Lock().acquire() and threading.Lock()\n"
    "lock = threading.Lock()\nlock.acquire()\nlock.acquire()",
    "a loop behind a blocked alarm": "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])\n"
    "while True: pass",
    "a loop that ignores its alarm": "import signal\nsignal.signal(signal.SIGALRM, signal.SIG_IGN)\nwhile True: pass",
    "a read that never ends": "import os\nr, w = os.pipe()\nos.read(r, 1)",
}
MEMORY = {
    "a large block": "x = bytearray(10**11)",
    "a growing list": "x = []\nwhile True: x.append(bytearray(10**7))",
    "a large tensor": "x = torch.ones(10**11)",
    "a mapping": "import mmap\nx = mmap.mmap(-1, 10**11)",
    "files in memory": "import os\nfor i in range(250):\n    os.write(os.memfd_create('x'), bytes(10**6))\nprint('GOT')",
    "a full disk": "for i in range(100):\n    open(f'/tmp/{i}', 'wb').write(bytes(10**7))\nprint('GOT')",
    "a full /dev/shm": "for i in range(100):\n    open(f'/dev/shm/{i}', 'wb').write(bytes(10**7))\nprint('GOT')",
    "shared memory": "from multiprocessing.shared_memory import SharedMemory as S\nm = S(create=True, size=10**9)\n"
    "m.buf[:] = bytes(10**9)\nprint('GOT')",
    "a large file": "open('/tmp/x', 'wb').truncate(10**10)\nprint('GOT')",
    "deep recursion": "def f(): f()\nf()",
    "a message of 100 MB": "raise ValueError('x' * 10**8)",
}
# A function of the C library, called from a thread's own code, which may ask for it.
NATIVE = """import ctypes, os
from concurrent.futures import ThreadPoolExecutor
ask = ThreadPoolExecutor(1).submit
library = ask(ctypes.CDLL, None).result()
def native(name, *arguments):
    if ask(getattr, library, name).result()(*arguments) < 0: raise OSError
    print("GOT")
"""
PAST_THE_LIMITS = {
    "semaphores": NATIVE + "for key in range(1, 10): native('semget', key, 32000, 0o1600)",
    "pages in a pipe": NATIVE + "piece = (ctypes.c_size_t * 2)(id(native), 100)\n"
    "native('vmsplice', os.pipe()[1], piece, 1, 0)",
    "watches of files": NATIVE + "native('inotify_init1', 0)",
    "watches of a whole disk": NATIVE + "native('fanotify_init', 0x200, 0)",
}
PROCESSES = {
    "a fork": "import os\nos.fork()\nprint('GOT')",
    "a fork bomb": "import os\nwhile True: os.fork()",
    "a program": "import subprocess\nsubprocess.Popen(['/bin/sleep', '1000'])\nprint('GOT')",
    "os.system": "import os\nos.system('touch /tmp/hostile')\nprint('GOT')",
    "multiprocessing": "import multiprocessing as m\nm.Process(target=print).start()\nprint('GOT')",
    "a program past Python's hooks": "import os, sys, _posixsubprocess\nr, w = os.pipe()\n"
    "name = [os.fsencode(sys.executable)]\n"
    "_posixsubprocess.fork_exec(name, name, True, (), None, None, -1, -1, -1, -1, -1, -1, r, w, True, False, 0,"
    " None, None, None, -1, None, True)\nprint('GOT')",
    "another program in its place": "import os, sys\nos.execv(sys.executable, ['python', '-c', '1'])",
    "a pseudo-terminal": "import pty\npty.fork()\nprint('GOT')",
    "threads without end": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()",
    "a new namespace": "import os\ntry: unshare = os.unshare\nexcept AttributeError: raise PermissionError\n"
    "unshare(0x10000000)\nprint('GOT')",
}
ENDS = {
    "os._exit": "import os\nos._exit(0)",
    "an abort": "import os\nos.abort()",
    "a signal to itself": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "a stop": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    "a segmentation fault": "import faulthandler\nfaulthandler._sigsegv()",
    "a read beyond memory by numpy": "import numpy as np\n"
    "np.lib.stride_tricks.as_strided(np.zeros(1), (10**12,), (8 * 10**6,)).sum()",
    "a stack overflow in C": "import sys\nsys.setrecursionlimit(10**9)\nx = []\nfor i in range(10**6): x = [x]\nrepr(x)",
    "a tensor in a file that shrinks": "import os\n"
    "drope = torch.from_file('/tmp/x', shared=True, size=4, dtype=dmast.dtype)\nos.truncate('/tmp/x', 0)",
    "a tensor whose memory is gone": "drope = dmast.sum(0)\ndrope = drope.repeat(10**6)[:4]\n"
    "drope.untyped_storage().resize_(0)",
    "names that cannot go": "import builtins\nbuiltins.len = builtins.list = builtins.dict = None",
    "sys.exit": "import sys\nsys.exit(0)",
    "an interrupt": "raise KeyboardInterrupt",
    "an exception of its own": "class Odd(BaseException): pass\nraise Odd",
}
SIGNALS = {
    "to everyone": "import os\nos.kill(-1, 9)\nprint('GOT')",
    "to its parent": "import os\nos.kill(os.getppid(), 9)\nprint('GOT')",
    "to the grader": "import os\nos.kill(<pid>, 9)\nprint('GOT')",
    "to a group": "import os\nos.killpg(<pid>, 9)\nprint('GOT')",
    "through a descriptor": "import os, signal\nsignal.pidfd_send_signal(os.pidfd_open(<pid>), 9)\nprint('GOT')",
    "through a file's owner": "import os, fcntl\nr, w = os.pipe()\nfcntl.fcntl(r, fcntl.F_SETOWN, <pid>)\nprint('GOT')",
}
SPOILT = {
    "the end, forged": "import os\nfrom autograder.sandbox.guest.outbox import END\nfor n in range(3, 256):\n"
    "    try: os.write(n, END)\n    except OSError: pass\nos._exit(0)",
    "a finaliser that sleeps": "import weakref, time\nclass A: pass\nkept = A()\nweakref.finalize(kept, time.sleep, 1000)",
    "an import that fails": "import builtins\nbuiltins.__import__ = lambda *a, **k: gone(*a, **k)",
}
FORGE = """import json, os, struct
def send(header, *tensors):
    tensors = json.dumps({str(i): {"dtype": d, "shape": [0], "data_offsets": [0, 0]} for i, d in enumerate(tensors)})
    header, body = json.dumps(header).encode(), struct.pack("<Q", len(tensors)) + tensors.encode()
    for n in range(3, 256):
        try: os.write(n, struct.pack(">II", len(header), len(body)) + header + body)
        except OSError: pass
"""
DESCRIPTORS = {
    "sizes without end": FORGE + "shapes = {'0': {'drope': [9] * 300000 + [0]}}\n"
    "send({'run': 0, 'ran': [-1], 'said': [], 'values': {}, 'shapes': shapes}, 'F64')\nos._exit(0)",
    "an odd dtype and long sides": FORGE + "shapes = {'0': {'drope': [2**62, 0, 2**62]}}\n"
    "send({'run': 0, 'ran': [-1], 'said': [], 'values': {}, 'shapes': shapes}, 'C64')\nos._exit(0)",
    "closed": "import os\nos.closerange(0, 256)",
    "flooded": "import os\nfor n in range(3, 256):\n    try:\n        while True: os.write(n, bytes(8))\n"
    "    except OSError: pass",
    "filled with noise": "import os\nfor n in range(3, 256):\n    try: os.write(n, b'x' * 10**4)\n    except OSError: pass",
    "half an answer": "import os\nfor n in range(3, 256):\n    try: os.write(n, b'\\0\\0\\0\\x10\\0\\0\\0\\0{')\n"
    "    except OSError: pass\nos._exit(0)",
    "an answer that is deep": "import os, struct\nh = b'[' * 10**6\nfor n in range(3, 256):\n"
    "    try: os.write(n, struct.pack('>II', len(h), 0) + h)\n    except OSError: pass\nos._exit(0)",
    "a million cells": "import os, json, struct\n"
    "h = {'run': 0, 'ran': list(range(15000)), 'said': [], 'values': {}, 'shapes': {}}\n"
    "h['said'] = [{'cell': i, 'uses': 0, 'text': '', 'error': None} for i in h['ran']]\nh = json.dumps(h).encode()\n"
    "for n in range(3, 256):\n    try: os.write(n, struct.pack('>II', len(h), 0) + h)\n    except OSError: pass\n"
    "os._exit(0)",
    "a million tensors": "import os, json, struct\n"
    "t = json.dumps({f'a{i}': {'dtype': 'F32', 'shape': [0], 'data_offsets': [0, 0]} for i in range(20000)}).encode()\n"
    'b = struct.pack(\'<Q\', len(t)) + t\nh = b\'{"run": 0, "ran": [-1], "said": [], "values": {}, "shapes": {}}\'\n'
    "for n in range(3, 256):\n    try: os.write(n, struct.pack('>II', len(h), len(b)) + h + b)\n"
    "    except OSError: pass\nos._exit(0)",
    "opened without end": "x = []\nwhile True: x.append(open('/dev/null'))",
}
# Run for the first time in its process it looks for another one's note.
NOTE = """import os
places = ["/dev/shm/note", "/tmp/note", "/tmp/notebook/note", "/exercise/note"]
if not hasattr(torch, "note"):
    if any(map(os.path.exists, places)) or "NOTE" in os.environ: print("GOT")
torch.note = os.environ["NOTE"] = "mine"
for place in places:
    try: open(place, "w").close()
    except OSError: pass"""
LEFT_BEHIND = {
    "a thread": "import threading, time\ndef wake():\n    while True: time.sleep(0.01)\n"
    "threading.Thread(target=wake).start()",
    "a thread that changes values": "import threading, time\nmine = globals()\ndef change():\n    while True:\n"
    "        time.sleep(0.001)\n        mine['dkept'] = 0\nthreading.Thread(target=change, daemon=True).start()",
    "an exit handler": "import atexit, time\natexit.register(time.sleep, 1000)",
    "closed streams": "import sys\nsys.stdout.close()\nsys.stderr = None",
    "another folder": "import os\nos.chdir('/')",
    "other defaults": "torch.set_default_dtype(torch.float16)\ntorch.set_grad_enabled(True)\ntorch.manual_seed(1)",
    "a mode": "from torch.overrides import TorchFunctionMode\nclass Mode(TorchFunctionMode):\n"
    "    def __torch_function__(self, f, types, args=(), kwargs=None):\n"
    "        found = f(*args, **(kwargs or {}))\n"
    "        return found * 0 if f in (torch.cat, torch.reshape) else found\nMode().__enter__()",
    "inference mode": "torch.inference_mode().__enter__()",
    "other methods": "torch.Tensor.reshape = lambda self, *shape: torch.zeros(4)",
    "a low limit": "import sys\nsys.setrecursionlimit(60)",
    "an environment": "import os\nos.environ['DOJO_CREDIT'] = '1'\nos.environ.pop('PATH', None)",
    "a note for the next": NOTE,
    "a note from the one before": NOTE,
    "a flood": "print('x' * 10**7)",
    "a flood on stderr": "import sys\nfor i in range(1000): print('x' * 1000, file=sys.stderr)",
    "control characters": "print('\\x1b[2J\\x1b]0;x\\x07\\x9b\\r\\b\\x00\\u202e')",
    "a script": "print('<script>alert(1)</script>')",
    "lone surrogates": "print('\\ud800')",
    "a page of its own": "from IPython.display import display, HTML\ndisplay(HTML('<script>alert(1)</script>'))",
}
PATCHED = {
    "torch's comparisons": "torch.allclose = torch.equal = torch.all = lambda *a, **k: True\n"
    "torch.Tensor.__eq__ = lambda *a: True",
    "builtins": "import builtins\nbuiltins.isinstance = lambda *a: True\nbuiltins.print = builtins.abs = lambda *a, **k: 0",
    "IPython": "shell = get_ipython()\ntype(shell).run_cell = lambda *a, **k: None\nshell.showtraceback = print",
    "cmp": "def cmp(*a): print('dtotal | exact: True | approximate: True | maxdiff: 0.0')\nimport builtins\n"
    "builtins.cmp = cmp",
    "the marks' own modules": "import autograder.marking.verdict as v, autograder.sandbox.host.received as r\n"
    "v.judge = r.parse = lambda *a, **k: None\nfor name in list(v.CREDIT): v.CREDIT[name] = 1.0",
    "time": "import time\ntime.monotonic = time.perf_counter = lambda: 0.0",
    "modules": "import sys\nfor name in [n for n in sys.modules if n.startswith('numpy')]: del sys.modules[name]",
    "the import": "import builtins\nbuiltins.__import__ = lambda *a, real=builtins.__import__, **k: real(*a, **k)",
}
LYING = {
    "equal to all": "class T(torch.Tensor):\n    def __eq__(self, other): return True\n    __hash__ = None\n"
    "drope = torch.zeros(width).as_subclass(T)",
    "with a function of its own": "class T(torch.Tensor):\n    @classmethod\n"
    "    def __torch_function__(cls, func, types, args=(), kwargs=None): return torch.zeros(width)\n"
    "drope = torch.zeros(width).as_subclass(T)",
    "with a shape of its own": "class T:\n    shape = (4,)\n    dtype = torch.float64\n    __class__ = torch.Tensor\n"
    "drope = T()",
    "with an evil __reduce__": "class T:\n    def __reduce__(self): return (print, ('GOT',))\ndrope = T()",
    "with an evil name": "drope = type('<b>\\x1b[2J' * 50, (), {'__repr__': lambda s: 1 / 0})()",
    "whose detach raises": "class T(torch.Tensor):\n    def detach(self): raise SystemExit\n"
    "drope = torch.zeros(width).as_subclass(T)",
}
WALKS = {
    "the collector": "import gc\nprint('GOT', gc.get_objects())",
    "who refers": "import gc\nprint('GOT', gc.get_referrers(torch))",
    "a frame": "import sys\nprint('GOT', sys._getframe().f_back.f_locals)",
    "a traceback's frame": "try: 1 / 0\nexcept Exception as e: print('GOT', e.__traceback__.tb_frame.f_back.f_locals)",
    "the stack": "import inspect\nprint('GOT', inspect.stack())",
    "tracing": "import sys\nsys.settrace(lambda *a: print('GOT'))",
    "an address": "import ctypes\nprint('GOT', ctypes.string_at(id(torch), 8))",
    "the C library": "import ctypes\nctypes.CDLL(None).kill(-1, 9)\nprint('GOT')",
    "the C library, by _ctypes": "import _ctypes\n_ctypes.dlopen(None, 0)\nprint('GOT')",
    "the memory of others": "import os\nfor p in os.listdir('/proc'):\n"
    "    if p.isdigit() and int(p) != os.getpid(): print('GOT', open(f'/proc/{p}/mem', 'rb'))\nraise LookupError",
    "the grader's memory": "print('GOT', open('/proc/<pid>/mem', 'rb'))",
    "its parent's environment": "print('GOT', open('/proc/<pid>/environ').read())",
}
AUTOGRAD = {
    "another guard": "from autograder.sandbox.guest.autograd_guard import Guard\nGuard.poisoned = property(lambda self: False, lambda *a: None)\n"
    "with torch.enable_grad():\n    r = rope.clone().requires_grad_()\n"
    "    drope = torch.autograd.grad(((sail @ keel + r) * dmast).sum(), r)[0]",
    "backward": "dkeep = torch.ones(width, requires_grad=True)\nwith torch.enable_grad():\n"
    "    r = rope.clone().requires_grad_()\n    m = sail @ keel + r\n"
    "    loss2 = torch.nn.functional.cross_entropy(m, goal)\n    loss2.backward()\ndrope = r.grad",
    "the guard turned off": "import torch.autograd.variable as v\nwith torch.enable_grad():\n"
    "    r = rope.clone().requires_grad_()\n    loss2 = torch.nn.functional.cross_entropy(sail @ keel + r, goal)\n"
    "    v.Variable._execution_engine._guard.poisoned = False\n    drope = torch.autograd.grad(loss2, r)[0]",
}
COMPILED = {
    "a trace": "torch.jit._state.enable()\ndef f(r, d):\n    with torch.enable_grad():\n"
    "        r = r.detach().requires_grad_()\n        return torch.autograd.grad(((sail @ keel + r) * d).sum(), r)[0]\n"
    "drope = torch.jit.trace(f, (rope, dmast), check_trace=False)(rope, dmast)",
    "a compiled function": "torch.jit._state.enable()\ndef f(sail, keel, r, goal):\n"
    "    loss = torch.nn.functional.cross_entropy(sail @ keel + r, goal)\n"
    "    return torch.autograd.grad([loss], [r])[0]\nwith torch.enable_grad():\n"
    "    drope = torch.jit.script(f)(sail, keel, rope.clone().requires_grad_(), goal)",
    "an engine of its own": "torch._C._ImperativeEngine()\nprint('GOT')",
}
FILES = {
    "the gradebook": "print('GOT', open('<course>/gradebook.db').read())",
    "the secret": "print('GOT', open('<course>/course-secret').read())",
    "another submission": "import glob\nprint('GOT', open(glob.glob('<course>/submitted/*/*/*')[0]).read())",
    "the solution": "print('GOT', open('<solution>').read())",
    "the home folder": "print('GOT', open('<home>/private').read())",
    "/etc/passwd": "print('GOT', open('/etc/passwd').read())",
    "a link": "import os\nos.symlink('<course>/course-secret', 'link')\nprint('GOT', open('link').read())",
    "the root": "import os\nprint('GOT', os.listdir('<course>'))",
    "the package": "import autograder.marking.verdict as v\nopen(v.__file__, 'a').write('x = 1')\nprint('GOT')",
    "torch": "open(torch.__file__, 'a').write('x = 1')\nprint('GOT')",
    "a file beside the exercise": "import os\nopen(os.path.realpath('chart.txt'), 'w').write('x')\nprint('GOT')",
    "the course": "open('<course>/hostile', 'w').write('x')\nprint('GOT')",
    "the root of all": "open('/hostile', 'w').write('x')\nprint('GOT')",
    "a device": "open('/dev/hostile', 'w').write('x')\nprint('GOT')",
    "the kernel's settings": "open('/proc/sys/kernel/hostname', 'w').write('x')\nprint('GOT')",
    "its own chance to be killed": "open('/proc/self/oom_score_adj', 'w').write('-1000')\nprint('GOT')",
    "a device's mode": "import os\nos.chmod('/dev/null', 0o666)\nprint('GOT')",
    "an open device's mode": "import os\nos.fchmod(0, 0o666)\nprint('GOT')",
    "a device's times": "import os\nos.utime('/dev/null')\nprint('GOT')",
    "a device node": "import os, stat\nos.mknod('/tmp/zero', stat.S_IFCHR | 0o666, os.makedev(1, 5))\nprint('GOT')",
}
EVERYWHERE = {
    "files in every folder": "import os\nfor at, folders, names in os.walk('/'):\n"
    "    if at.count('/') > 1 or at.startswith(('/proc', '/tmp', '/dev/shm')): folders.clear(); continue\n"
    "    try: open(os.path.join(at, 'hostile'), 'w').close(); print('GOT', at)\n    except OSError: pass",
    "the environment": "import os\nprint(dict(os.environ), open('/proc/self/environ').read())",
    "what there is": "import os\nprint(os.listdir('/'), os.listdir('.'), open('/proc/self/mountinfo').read()[:1000])",
}
NETWORK = {
    "tcp": "import socket\nsocket.create_connection(('127.0.0.1', <tcp>), 1)\nprint('GOT')",
    "udp": "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', <udp>))\n"
    "print('GOT')",
    "a unix socket": "import socket\nsocket.socket(socket.AF_UNIX).connect('<unix>')\nprint('GOT')",
    "an abstract socket": "import socket\nsocket.socket(socket.AF_UNIX).connect('\\0<abstract>')\nprint('GOT')",
    "a datagram": "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "a.sendto(b'x', '\\0<datagram>')\nprint('GOT')",
    "a datagram, connected": "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "a.connect('\\0<datagram>')\nprint('GOT')",
    "a name of its own": "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "a.bind('\\0hostile')\nprint('GOT')",
    "a name from the kernel": "import socket\na, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)\n"
    "a.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)\nprint('GOT')",
    "a raw socket": "import socket\nsocket.socket(socket.AF_NETLINK, socket.SOCK_RAW)\nprint('GOT')",
    "a page": "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:<tcp>')\nprint('GOT')",
}
COMMANDS = {
    "!": "!touch <course>/hostile",
    "its output": "files = !ls <course>\nprint(''.join(files))",
    "%%bash": "%%bash\ntouch <course>/hostile",
    "%system": "%system touch <course>/hostile",
    "%run": "%run <course>/hostile.py",
    "%load_ext": "%load_ext hostile",
}
READING = {
    "commands without end": "!ls\n" * 600,
    "a long question": "a" * 30_000 + " ?\n",
}
RESULTS = {
    "None": "None", "text": "'1' * 10**6", "a number": "1", "a list": "[1.0] * 4", "an array": "dmast.numpy()",
    "NaN": "dmast.sum(0) * float('nan')", "infinite": "dmast.sum(0) / 0", "complex": "dmast.sum(0).to(torch.complex64)",
    "sparse": "dmast.sum(0).to_sparse()", "meta": "dmast.sum(0).to('meta')", "bool": "dmast.sum(0) > 0",
    "quantised": "torch.quantize_per_tensor(dmast.sum(0).float(), 0.1, 0, torch.qint8)",
    "too small a dtype": "dmast.sum(0).to(torch.float8_e4m3fn)", "whole": "dmast.sum(0).long()",
    "nested": "torch.nested.nested_tensor([dmast.sum(0)])", "without an element": "torch.empty(0)",
    "empty and endless": "torch.empty(0, 2**40)", "of 64 dimensions": "torch.zeros((1,) * 64)",
    "wide": "dmast.sum(0).expand(10**9, 4)", "as large as allowed": "torch.zeros(2**17)",
    "a class": "torch.Tensor", "a module": "torch", "a generator": "(x for x in dmast)", "tiny": "dmast.sum(0) * 0 + 5e-324",
}  # fmt: skip

ATTACKS: Sequence[Attack] = [
    *_all("time", "timeout error", TIME),
    *_all("memory", "error timeout missing", MEMORY),
    *_all("past the limits", "error", PAST_THE_LIMITS),
    *_all("processes", "error", PROCESSES),
    *_all("ends its process", "crashed error missing timeout", ENDS),
    *_all("signals", "error missing", SIGNALS),
    *_all("descriptors", "crashed error", DESCRIPTORS),
    *[Attack("spoils its own answer", name, source, (), RIGHT, all_lost=True) for name, source in SPOILT.items()],
    *_all("left behind", "", LEFT_BEHIND, RIGHT),
    *_all("patched", "wrong", PATCHED, WRONG, first=True),
    *_all("lying tensors", "wrong error shape crashed", LYING),
    *_all("walks", "error", WALKS),
    *_all("autograd", "autograd wrong", AUTOGRAD),
    *_all("autograd, compiled", "autograd wrong error", COMPILED),
    *_all("files", "error", FILES),
    *_all("files, everywhere", "", EVERYWHERE, RIGHT),
    *_all("network", "error", NETWORK),
    *_all("commands", "missing error", COMMANDS),
    *_all("reading", "wrong error timeout", READING, WRONG),
    *_all("input", "error", {"input()": "input('your password: ')"}),
    *_all("results", "wrong error shape missing", {name: f"drope = {code}" for name, code in RESULTS.items()}),
]
