"""Pool of workers: who draws next. Fair between the two lanes, and last in, first out among the workers."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

from renderer.lane_policy import LanePolicy
from schemas.fields import Priority

RESERVE_SECONDS: Final = 5.0
"""How long after a normal document one worker is reserved for the next."""

WorkerT = TypeVar("WorkerT", bound=Hashable)


class Pool(Generic[WorkerT]):
    """The workers there are, each for one document at a time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._count = 0
        self._free: list[WorkerT] = []
        self._drawing_bulk: set[WorkerT] = set()
        self._waiting: dict[Priority, deque[asyncio.Future[WorkerT]]] = {"normal": deque(), "bulk": deque()}
        self._policy = LanePolicy()
        self._normal_at = -math.inf

    @property
    def waiting(self) -> int:
        """How many documents wait for a worker."""
        return sum(map(len, self._waiting.values()))

    @property
    def free(self) -> list[WorkerT]:
        """The free workers, the next one first."""
        return self._free[::-1]

    def add(self, worker: WorkerT) -> None:
        """Add a new worker, which is free."""
        self._count += 1
        self.release(worker)

    async def acquire(self, lane: Priority) -> WorkerT:
        """Return a worker, once there is one: the one used last, whose memory is warm."""
        if lane == "normal":
            self._normal_at = self._now()
        turn: asyncio.Future[WorkerT] = asyncio.get_running_loop().create_future()
        queue = self._waiting[lane]
        queue.append(turn)
        self._hand_out()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn in queue:
                queue.remove(turn)
            elif not turn.cancelled():
                self.release(turn.result())  # it was given a worker at this very moment
            raise

    def release(self, worker: WorkerT) -> None:
        """Return a worker to the pool; the next document has it at once."""
        self._drawing_bulk.discard(worker)
        self._free.append(worker)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free and (lane := self._policy.next(self._waiting, room_for_bulk=self._has_room_for_bulk())):
            turn = self._waiting[lane].popleft()
            if turn.done():
                continue
            worker = self._free.pop()
            if lane == "bulk":
                self._drawing_bulk.add(worker)
            turn.set_result(worker)

    def _has_room_for_bulk(self) -> bool:
        reserved = 1 if self._count > 1 and self._now() - self._normal_at < RESERVE_SECONDS else 0
        return len(self._drawing_bulk) < self._count - reserved
