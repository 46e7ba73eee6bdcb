"""Pool of workers: who draws next. Fair between lanes and sources; last in, first out among the workers."""

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from renderer.deficit_round_robin import DeficitRoundRobin, Source
from renderer.lane_policy import LanePolicy
from schemas.fields import Priority

RESERVE_SECONDS: Final = 5.0
"""How long after a normal document one worker is reserved for the next: from bulk, and from every other source."""
RECENT_MAX: Final = 256
"""Sources whose last normal document is remembered."""
QUANTUM_SECONDS: Final = 0.1
"""What a source may draw in one round of deficit round robin: about a document."""

WorkerT = TypeVar("WorkerT", bound=Hashable)


@dataclass(frozen=True, slots=True)
class _Use:
    """A worker in use: since when, and what was charged to whom for it."""

    lane: Priority
    source: Source
    estimate: float
    began: float


class Pool(Generic[WorkerT]):
    """The workers there are, each for one document at a time.

    In each lane the sources share the workers by deficit round robin: a source pays for the seconds that it holds one.
    While another source is active, each leaves one worker free: a single document of a neighbour has it at once.
    """

    def __init__(
        self, now: Callable[[], float] = time.monotonic, weights: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        self._now = now
        self._count = 0
        self._free: list[WorkerT] = []
        self._uses: dict[WorkerT, _Use] = {}
        self._waiting: dict[Priority, DeficitRoundRobin[tuple[asyncio.Future[WorkerT], float]]] = {
            "normal": DeficitRoundRobin(QUANTUM_SECONDS, weights),
            "bulk": DeficitRoundRobin(QUANTUM_SECONDS, weights),
        }
        self._policy = LanePolicy()
        self._normal_at: dict[Source, float] = {}
        """When each source had its last normal document, in that order."""

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

    async def acquire(self, lane: Priority, source: Source = None, estimate: float = 0.0) -> WorkerT:
        """Return a worker, once there is one: the one used last, whose memory is warm.

        `estimate` is for how many seconds the document will probably hold it.
        """
        if lane == "normal":
            self._note_normal(source)
        turn: asyncio.Future[WorkerT] = asyncio.get_running_loop().create_future()
        queue = self._waiting[lane]
        queue.append(source, (turn, estimate))
        self._hand_out()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release(turn.result())  # it was given a worker at this very moment
            else:
                queue.drop(lambda each: each[0] is turn)
            raise

    def release(self, worker: WorkerT) -> float:
        """Return a worker to the pool; the next document has it at once. Return for how many seconds it was in use."""
        seconds = 0.0
        use = self._uses.pop(worker, None)
        if use is not None:
            seconds = self._now() - use.began
            self._waiting[use.lane].charge(use.source, seconds - use.estimate)
        self._free.append(worker)
        self._hand_out()
        return seconds

    def _note_normal(self, source: Source) -> None:
        self._normal_at.pop(source, None)
        self._normal_at[source] = self._now()
        if len(self._normal_at) > RECENT_MAX:
            del self._normal_at[next(iter(self._normal_at))]

    def _hand_out(self) -> None:
        while self._free and (lane := self._next_lane()):
            source, (turn, estimate) = self._waiting[lane].popleft(self._admits)
            if turn.done():
                continue
            worker = self._free.pop()
            self._uses[worker] = _Use(lane, source, estimate, self._now())
            self._waiting[lane].charge(source, estimate)
            turn.set_result(worker)

    def _next_lane(self) -> Priority | None:
        room_for_bulk = self._has_room_for_bulk() and self._waiting["bulk"].can_pop(self._admits)
        normal = self._waiting["normal"].can_pop(self._admits)
        return self._policy.next({"normal": normal, "bulk": self._waiting["bulk"]}, room_for_bulk=room_for_bulk)

    def _has_room_for_bulk(self) -> bool:
        reserved = any(self._is_recent(source) for source in self._latest(1))
        return sum(use.lane == "bulk" for use in self._uses.values()) < self._count - self._reserve(reserved)

    def _admits(self, source: Source) -> bool:
        """Return whether a source may have another worker: all but one, while another source is active."""
        reserved = any(other != source and self._is_recent(other) for other in self._latest(2))
        return sum(use.source == source for use in self._uses.values()) < self._count - self._reserve(reserved)

    def _reserve(self, reserved: bool) -> int:
        return 1 if reserved and self._count > 1 else 0

    def _is_recent(self, source: Source) -> bool:
        return self._now() - self._normal_at[source] < RESERVE_SECONDS

    def _latest(self, number: int) -> list[Source]:
        """Return the sources that had a normal document last."""
        return list(islice(reversed(self._normal_at), number))
