"""Decide which worker of a cluster grades which submission, and what becomes of those that a worker died with.

It knows numbers and names only, no network: the same code hands out a simulated class of 100,000.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

# A message costs the coordinator some milliseconds, so submissions go in batches; in small ones, because all that a
# dead worker had in hand are graded one by one.
BATCH = 8
AHEAD = 2  # batches in hand for each line of a worker: while it runs one, the next is there already
DEATHS = 2  # workers that die with a submission before it is set aside


class Dispatch:
    """Hands out the submissions 0, 1, ... `count` - 1.

    When a worker dies, each submission it had in hand may be the cause, so each of these is graded once more alone on
    a worker, before any that is new. One with which a worker dies then is the cause for certain, and is set aside.
    """

    def __init__(self, count: int) -> None:
        self._new = deque(range(count))
        self._suspects: deque[int] = deque()
        self._deaths: dict[int, int] = {}
        self._room: dict[str, int] = {}
        self._rooms = 0  # of all workers
        self._in_hand: dict[str, set[int]] = {}
        self._batches: dict[str, int] = {}
        self._kept_free: set[str] = set()  # workers that are to have one suspect alone
        self.in_hand = 0  # how many are being graded

    @property
    def waiting(self) -> int:
        """Return how many are in nobody's hand and not done."""
        return len(self._new) + len(self._suspects)

    @property
    def workers(self) -> list[str]:
        """Return those who have joined and are not lost."""
        return list(self._in_hand)

    def join(self, worker: str, lines: int) -> None:
        """Count on a worker that grades `lines` submissions at a time."""
        self._in_hand[worker] = set()
        self._batches[worker] = 0
        self._room[worker] = lines * AHEAD
        self._rooms += lines * AHEAD

    def lose(self, worker: str) -> list[int]:
        """Take back what a worker had in hand; return the submissions that are now set aside."""
        held = sorted(self._in_hand.pop(worker, ()))
        self._rooms -= self._room.pop(worker, 0)
        self._kept_free.discard(worker)
        self.in_hand -= len(held)
        for number in held:
            self._deaths[number] = self._deaths.get(number, 0) + 1
        aside = [number for number in held if self._deaths[number] >= DEATHS]
        self._suspects.extend(number for number in held if number not in aside)
        return aside

    def take(self, worker: str) -> list[int]:
        """Return the batch that a worker is to grade beside those it has; empty where it is to have no more now."""
        held = self._in_hand.get(worker)
        if held is None or any(number in self._deaths for number in held):
            return []
        if worker in self._kept_free or len(self._kept_free) < len(self._suspects):
            self._kept_free.add(worker)
            if held:
                return []
            self._kept_free.discard(worker)
            batch = [self._suspects.popleft()]
        elif self._batches[worker] < self._room[worker]:
            batch = [self._new.popleft() for _ in range(self._size())]
        else:
            return []
        held.update(batch)
        self._batches[worker] += bool(batch)
        self.in_hand += len(batch)
        return batch

    def done(self, worker: str, batch: Sequence[int]) -> bool:
        """Note that a worker has graded a batch. Return whether it is in its hand; else others have it by now."""
        held = self._in_hand.get(worker, set())
        if not held.issuperset(batch):
            return False
        held.difference_update(batch)
        self._batches[worker] -= 1
        self.in_hand -= len(batch)
        for number in batch:
            self._deaths.pop(number, None)
        return True

    def _size(self) -> int:
        """Return how many new ones make a batch: fewer towards the end, so that all workers end at a time."""
        return min(BATCH, len(self._new), max(1, len(self._new) // (2 * self._rooms)))
