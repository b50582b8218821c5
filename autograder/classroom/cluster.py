"""Grade on the workers of a Dask cluster: each has its own warm sandbox, the course and its secret stay here.

The package `distributed` carries the kit and the submissions there and the results back. Which worker gets what is
decided here (dispatch.py), not by its scheduler, which would blame a dead worker on whatever it had in hand and try
that on four workers. So each task is tied to one worker, and is given up when that worker is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import queue
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from distributed import CancelledError, Client, KilledWorker, wait
from rich.console import Console

from autograder.cells.errors import SetupError
from autograder.classroom import on_worker
from autograder.classroom.connect import CONNECT_SECONDS
from autograder.classroom.dispatch import DEATHS, Dispatch
from autograder.classroom.plan import Files
from autograder.course.kit import Kit, KitError, pack_kit
from autograder.course.open_grader import Course
from autograder.exercise.notebook import Exercise
from autograder.marking.result import REGRADE, SubmissionResult
from autograder.marking.take_in import at_fault, take_in
from autograder.sandbox.host.bubblewrap import IsolationError
from autograder.submission.notebook import HandedIn
from autograder.text import one_line

LOOK_SECONDS = 0.5  # between looks at which workers there are
LONELY_SECONDS = 300.0  # how long to wait for a worker where there is none
UNREAD = 1_000  # results that nobody has recorded yet, above which no more submissions are begun
SET_ASIDE = (
    f"it was set aside: {DEATHS} workers of the cluster died while they graded it, the last with nothing else in hand; "
    "look at their logs, and grade it without --cluster"
)
Found = tuple[str, Path, SubmissionResult]
LOST = (KilledWorker, CancelledError)  # what `distributed` says where a task's worker, or its data, has gone
GONE = (*LOST, OSError)  # the same where the network says it; TimeoutError where there is no worker at all
TOLD = (IsolationError, KitError, SetupError)  # errors whose message says all


class ClusterGraders:
    """Grades on the workers of a cluster, one exercise after the other."""

    def __init__(self, course: Course, client: Client, console: Console) -> None:
        self._course = course
        self._client = client
        self._console = console

    def begin(self, todo: Mapping[str, int], exercises: Sequence[Exercise]) -> None:
        """Do nothing: a worker opens the kit of an exercise when its turn has come."""

    def grade(self, exercise: Exercise, files: Files, stop: threading.Event) -> Iterator[Found]:
        """Yield each submission with its result as it is done. Raises what packing the kit raises, and OSError.

        Raises IsolationError where all workers were refused.
        """
        shift = _Shift(self._client, self._console, exercise, files, stop)
        kit = pack_kit(self._course, exercise)
        running = asyncio.run_coroutine_threadsafe(shift.run(kit), self._client.loop.asyncio_loop)
        running.add_done_callback(lambda _: shift.results.put(None))
        try:
            while (found := shift.results.get()) is not None:
                yield found
            running.result()
        finally:
            running.cancel()

    def close(self) -> None:
        """Do nothing: the client belongs to whoever has connected it."""


class _Shift:
    """The grading of one exercise; all but `results` belongs to the client's event loop."""

    def __init__(
        self, client: Client, console: Console, exercise: Exercise, files: Files, stop: threading.Event
    ) -> None:
        self.results: queue.SimpleQueue[Found | None] = queue.SimpleQueue()
        self._client = client
        self._console = console
        self._exercise = exercise
        self._files = files
        self._stop = stop
        self._dispatch = Dispatch(len(files))
        self._stations: dict[str, Any] = {}  # by worker, the future of its Station; None until it is asked for
        self._refused: dict[str, str] = {}
        self._under_way: dict[str, set[asyncio.Task[None]]] = {}  # by worker, what waits for an answer of it
        self._kit: asyncio.Task[Any] | None = None  # there while a worker may still fetch it from another
        self._fetching = 0
        self._over = asyncio.Event()
        self._failed: BaseException | None = None

    async def run(self, kit: Kit) -> None:
        """Grade all, or only those in hand once `stop` is set. Raises IsolationError and OSError."""
        heard = time.monotonic()
        try:
            while self._dispatch.in_hand or (self._dispatch.waiting and not self._stop.is_set()):
                await self._look(kit)
                if self._dispatch.workers:
                    heard = time.monotonic()
                elif self._refused and not self._stations:
                    raise IsolationError(
                        f"no worker of the cluster can grade: {'; '.join(set(self._refused.values()))}"
                    )
                elif time.monotonic() - heard > LONELY_SECONDS:
                    raise OSError(errno.ETIMEDOUT, f"no worker was ready for {LONELY_SECONDS:g} s", self._address())
                for worker in self._dispatch.workers:
                    self._fill(worker)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), LOOK_SECONDS)
                if self._failed is not None:
                    raise self._failed
        finally:
            for worker in list(self._stations):
                self._give_up(worker)

    async def _look(self, kit: Kit) -> None:
        """See which workers have come and which have gone. Raises OSError where the scheduler has."""
        try:
            there: dict[str, int] = await asyncio.wait_for(self._client.nthreads(), CONNECT_SECONDS)
        except Exception:  # distributed has errors of many kinds for it
            raise OSError(errno.ECONNRESET, "the cluster's scheduler has gone", self._address()) from None
        for worker in self._stations.keys() - there.keys():
            self._lose(worker)
        for worker in self._refused.keys() - there.keys():
            del self._refused[worker]
        for worker in there.keys() - self._stations.keys() - self._refused.keys():
            self._stations[worker] = None
            self._begin(worker, self._join(worker, there[worker], kit))

    async def _join(self, worker: str, lines: int, kit: Kit) -> None:
        """Let a worker open the kit, and count on it; a worker that cannot is refused, with the reason."""
        self._fetching += 1
        try:
            if self._kit is None:  # the first worker gets it from here, the others from each other
                self._kit = asyncio.create_task(self._client.scatter([kit], hash=False))
            (data,) = await asyncio.shield(self._kit)
            station = self._client.submit(on_worker.prepare, data, lines, workers=[worker], pure=False)
            self._stations[worker] = station
            await wait([station])
            error = await station.exception()
        except GONE:  # perhaps the worker that had the kit: all that still want it ask again
            self._kit = None
            self._lose(worker)
            return
        finally:
            self._fetching -= 1
            if not self._fetching:
                self._kit = None
        if isinstance(error, LOST):
            self._lose(worker)
        elif error is not None:
            reason = one_line(f"{error}" if isinstance(error, TOLD) else f"{type(error).__name__}: {error}")
            self._refused[worker] = reason
            del self._stations[worker]
            self._console.print(f"{worker} is refused: {reason}", soft_wrap=True, highlight=False, markup=False)
        else:
            self._dispatch.join(worker, lines)
            self._fill(worker)

    def _fill(self, worker: str) -> None:
        """Give a worker what it is to have in hand."""
        while not self._stop.is_set() and self.results.qsize() < UNREAD:
            batch = self._dispatch.take(worker)
            if not batch:
                return
            taken = {number: take_in(*self._files[number], self._exercise) for number in batch}
            results = {number: found for number, found in taken.items() if isinstance(found, SubmissionResult)}
            to_grade = {number: found for number, found in taken.items() if not isinstance(found, SubmissionResult)}
            if to_grade:
                self._begin(worker, self._grade(worker, batch, results, to_grade))
            else:
                self._finish(worker, batch, results)

    async def _grade(
        self, worker: str, batch: list[int], results: dict[int, SubmissionResult], to_grade: dict[int, HandedIn]
    ) -> None:
        """Let a worker grade a part of a batch; the rest has results already."""
        sent = [(self._files[number][0], files) for number, files in to_grade.items()]
        try:
            answer = await self._client.submit(
                on_worker.grade, self._stations[worker], sent, workers=[worker], pure=False
            )
        except GONE:
            self._lose(worker)
            return
        except Exception as error:
            reason = one_line(f"{type(error).__name__}: {error}; {REGRADE}")
            answer = [at_fault(student, self._exercise, reason) for student, _ in sent]
        self._finish(worker, batch, results | dict(zip(to_grade, answer, strict=True)))
        self._fill(worker)

    def _finish(self, worker: str, batch: list[int], results: dict[int, SubmissionResult]) -> None:
        if self._dispatch.done(worker, batch):
            for number in batch:
                self._hand_in(number, results[number])

    def _hand_in(self, number: int, result: SubmissionResult) -> None:
        self.results.put((*self._files[number], result))
        if not self._dispatch.in_hand and (not self._dispatch.waiting or self._stop.is_set()):
            self._over.set()

    def _lose(self, worker: str) -> None:
        """Give a worker up; others get what it had in hand."""
        self._give_up(worker)
        for number in self._dispatch.lose(worker):
            student, _ = self._files[number]
            self._hand_in(number, at_fault(student, self._exercise, SET_ASIDE))

    def _give_up(self, worker: str) -> None:
        """Let go of a worker's station, which ends it, and wait for no more answers of it."""
        self._stations.pop(worker, None)
        for task in self._under_way.pop(worker, ()):
            if task is not asyncio.current_task():
                task.cancel()

    def _begin(self, worker: str, work: Coroutine[Any, Any, None]) -> None:
        """Let a coroutine wait for a worker's answer."""
        tasks = self._under_way.setdefault(worker, set())
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(self._note)

    def _note(self, task: asyncio.Task[None]) -> None:
        """End the run with what no coroutine has expected."""
        if not task.cancelled() and task.exception() is not None:
            self._failed = task.exception()
            self._over.set()

    def _address(self) -> str:
        return str(self._client.scheduler.address)
