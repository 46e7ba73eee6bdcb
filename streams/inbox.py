"""What Faust has delivered to a role and the role has not finished: the one way from a stream to a role's work.

Faust's own iteration acknowledges a record even where its work failed, and one stream that is not read stops all
others. So the stream's loop only calls `deliver`, which never blocks; the role takes records when it has room and says
`finish` once their effects are durable; and a partition with too many unfinished records is held back at the broker.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Set
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from streams.delivery import Delivery
from streams.offset_tracker import OffsetTracker

PASSES: Final = 3
"""Passes of the event loop, some microseconds each, after which no further record of the same fetch comes."""

NO_TIME: Final = datetime.max.replace(tzinfo=UTC)
"""Of what was never written."""

Partition = tuple[str, int]
Position = tuple[str, int, int]
Acknowledge = Callable[[], object]


class _Held(NamedTuple):
    acknowledge: Acknowledge
    timestamp: datetime


class Source(Protocol):
    """The consumer, as far as an inbox needs it."""

    def hold(self, partition: Partition) -> None:
        """Fetch no more of this partition for now."""
        ...

    def release(self, partition: Partition) -> None:
        """Fetch this partition again."""
        ...

    def admit(self, partition: Partition, offset: int, after: int | None) -> bool:
        """Say whether this record comes next after `after`, None: since the assignment.

        Where others were fetched between them, which are missing here, they are fetched again, and this one with them.
        """
        ...


def _position(delivery: Delivery) -> Position:
    return delivery.topic, delivery.partition, delivery.offset


class Queue(Protocol):
    """In which order waiting records are handed out, and how many of them may be at the moment."""

    def __len__(self) -> int:
        """Return how many can be removed now. Where more can without another record, `Inbox.look_again` is called."""
        ...

    def append(self, delivery: Delivery) -> None:
        """Add a record."""
        ...

    def popleft(self) -> Delivery:
        """Remove and return the next record; there is one."""
        ...

    def drop(self, partitions: Set[Partition]) -> None:
        """Forget the records of these partitions."""
        ...


class Fifo(deque[Delivery]):
    """First come, first served."""

    def drop(self, partitions: Set[Partition]) -> None:
        """Forget the records of these partitions."""
        kept = [delivery for delivery in self if (delivery.topic, delivery.partition) not in partitions]
        self.clear()
        self.extend(kept)


def pause_switch(inbox: "Inbox") -> Callable[[str | None], None]:
    """Return what pauses the inbox when it is told why, and resumes it when it is told None."""
    paused_for: list[str] = []

    def switch(reason: str | None) -> None:
        while paused_for:
            inbox.resume(paused_for.pop())
        if reason is not None:
            paused_for.append(reason)
            inbox.pause(reason)

    return switch


def _one(_: Delivery) -> int:
    return 1


class Inbox:
    """Records of some topics, between delivery and finish.

    `cap` is the weight of unfinished records at which a partition is held back; at half of it the partition is let go.
    """

    def __init__(
        self,
        topics: Iterable[str],
        cap: int,
        *,
        weigh: Callable[[Delivery], int] = _one,
        queue: Queue | None = None,
    ) -> None:
        self.topics = tuple(topics)
        self._cap = cap
        self._weigh = weigh
        self._source: Source | None = None
        self._windows: dict[Partition, OffsetTracker[_Held]] = {}
        self._held_back: set[Partition] = set()
        self._queue: Queue = Fifo() if queue is None else queue
        self._working: dict[Position, None] = {}
        self._parked: set[Position] = set()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._pauses: dict[str, None] = {}
        self.on_take: Callable[[Delivery], object] = _one
        """Called with every record that is handed out, in that order."""
        self.finished = 0
        """How many records were finished so far."""

    def attach(self, source: Source) -> None:
        """Name the consumer; called once, before the first delivery."""
        self._source = source

    @property
    def queued(self) -> int:
        """How many records can be taken."""
        return len(self._queue)

    @property
    def working(self) -> int:
        """How many records are taken and not finished."""
        return len(self._working)

    @property
    def oldest(self) -> Position | None:
        """The record that has been worked on longest."""
        return next(iter(self._working), None)

    @property
    def paused(self) -> tuple[str, ...]:
        """Why nothing is handed out at the moment; empty where it is."""
        return tuple(self._pauses)

    @property
    def draining(self) -> bool:
        """Whether nothing new may be begun, because the role stops."""
        return self._closed

    @property
    def unacknowledged(self) -> int:
        """How many records are delivered and not acknowledged."""
        return sum(len(window) for window in self._windows.values())

    def held(self, partition: Partition) -> tuple[int, datetime | None]:
        """Return how many records of a partition are not acknowledged, and the time of the first of them."""
        window = self._windows.get(partition)
        head = window.head if window is not None else None
        return (len(window), head.timestamp) if window is not None and head is not None else (0, None)

    def last(self, partition: Partition) -> int | None:
        """Return the offset that was delivered last since the assignment, or None where none was."""
        window = self._windows.get(partition)
        return None if window is None else window.last

    def holds_back(self, partition: Partition) -> bool:
        """Say whether the consumer is asked to fetch no more of a partition for now."""
        return partition in self._held_back

    def pause(self, reason: str) -> None:
        """Hand out nothing until `resume` is called with the same reason; what is in hand goes on."""
        self._pauses[reason] = None
        self._arrived.clear()

    def resume(self, reason: str) -> None:
        """Withdraw one reason; without any left, records are handed out again."""
        self._pauses.pop(reason, None)
        self._announce()

    def look_again(self) -> None:
        """Hand out what the queue keeps no longer."""
        self._announce()

    def deliver(self, delivery: Delivery, acknowledge: Acknowledge) -> None:
        """Accept a record from the stream. `acknowledge` is called once it and all before it are finished.

        A record whose work an earlier assignment began joins that work instead of starting again.
        """
        partition = (delivery.topic, delivery.partition)
        window = self._windows.setdefault(partition, OffsetTracker())
        if window.has(delivery.offset) or not self._admits(partition, delivery.offset, window.last):
            return
        window.deliver(delivery.offset, _Held(acknowledge, delivery.timestamp), self._weigh(delivery))
        if window.held >= self._cap and self._source is not None:
            self._held_back.add(partition)
            self._source.hold(partition)
        position = _position(delivery)
        if position not in self._working and position not in self._parked:
            self._queue.append(delivery)
            self._announce()

    def pass_over(self, partition: Partition, after: int | None, end: int, acknowledge: Acknowledge) -> None:
        """Accept that no record follows `after` before offset `end`; None: none was delivered since the assignment.

        `acknowledge` is called once all before are finished. Nothing happens while a record up to `after` is still on
        its way here, and where this was said before.
        """
        window = self._windows.setdefault(partition, OffsetTracker())
        if window.last == after and window.deliver(end - 1, _Held(acknowledge, NO_TIME), 0):
            for held in window.finish(end - 1):
                held.acknowledge()

    async def take(self, limit: int, linger: float = 0.0) -> list[Delivery]:
        """Wait for records and return up to `limit`; after the first, wait `linger` seconds at most for more."""
        while True:
            while not self._queue or self._closed or self._pauses:
                self._arrived.clear()
                await self._arrived.wait()
            await self._settle(limit)
            if not self._queue or self._closed or self._pauses:
                continue  # it was revoked, closed or paused meanwhile
            if not linger or len(self._queue) >= limit:
                break
            await self._fill(limit, linger)
            linger = 0.0
        taken = [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]
        for delivery in taken:
            self._working[_position(delivery)] = None
            self._idle.clear()
            self.on_take(delivery)
        if not self._queue:
            self._arrived.clear()
        return taken

    def finish(self, deliveries: Iterable[Delivery]) -> None:
        """Say that the effects of these records are durable."""
        for delivery in deliveries:
            self.finished += 1
            partition = (delivery.topic, delivery.partition)
            self._working.pop(_position(delivery), None)
            window = self._windows.get(partition)
            if window is None:
                continue
            for held in window.finish(delivery.offset):
                held.acknowledge()
            if partition in self._held_back and window.held <= self._cap // 2 and self._source is not None:
                self._held_back.discard(partition)
                self._source.release(partition)
        if not self._working:
            self._idle.set()

    def park(self, delivery: Delivery) -> None:
        """Say that a taken record only waits for its time: a drain does not wait for it, and leaves it unfinished."""
        self._working.pop(_position(delivery), None)
        self._parked.add(_position(delivery))
        if not self._working:
            self._idle.set()

    def unpark(self, delivery: Delivery) -> None:
        """Say that the record's time has come and work on it begins."""
        self._parked.discard(_position(delivery))
        self._working[_position(delivery)] = None
        self._idle.clear()

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """Forget partitions that are no longer ours: what is queued is dropped, what is being worked on goes on."""
        gone = set(partitions)
        for partition in gone:
            self._windows.pop(partition, None)
        self._held_back -= gone
        self._queue.drop(gone)
        if not self._queue:
            self._arrived.clear()

    async def drain(self, timeout: float) -> bool:
        """Hand out nothing more and wait until all that was taken is finished; False where `timeout` seconds pass."""
        self._closed = True
        self._arrived.clear()
        try:
            async with asyncio.timeout(timeout):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def _settle(self, limit: int) -> None:
        """Let the rest of a fetch come: Faust hands over a record in some passes of the event loop."""
        before = 0
        while before < len(self._queue) < limit:
            before = len(self._queue)
            for _ in range(PASSES):
                await asyncio.sleep(0)

    async def _fill(self, limit: int, linger: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(linger):
                while len(self._queue) < limit:
                    self._arrived.clear()
                    await self._arrived.wait()
        self._announce()

    def _admits(self, partition: Partition, offset: int, after: int | None) -> bool:
        return self._source is None or self._source.admit(partition, offset, after)

    def _announce(self) -> None:
        if self._queue and not self._closed and not self._pauses:
            self._arrived.set()
