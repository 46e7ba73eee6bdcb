"""In-flight records of a role: delivery, backpressure and ordered acknowledgement (at-least-once).

Faust's own iteration acknowledges a record even where processing it failed, and one stream that nobody reads blocks all
others. So the stream's loop only calls `deliver`, which never blocks. The role takes records when it has capacity and
calls `finish` once their effects are durable. A partition with too many unfinished records is paused at the consumer.
"""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Set
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from streams.delivery import Delivery
from streams.offset_tracker import OffsetTracker

FETCH_PASSES: Final = 3
"""Passes of the event loop, some microseconds each, after which no further record of the same fetch arrives."""
FETCH_SECONDS: Final = 0.002
"""Limit of these passes, on a busy event loop."""

GAP_TIMESTAMP: Final = datetime.max.replace(tzinfo=UTC)
"""Stands for the timestamp of a gap in the offsets, which has no record."""

_BYTES_PER_UNIT: Final = 2_048

Partition = tuple[str, int]
Position = tuple[str, int, int]
Acknowledge = Callable[[], object]


class _Pending(NamedTuple):
    acknowledge: Acknowledge
    timestamp: datetime


class ConsumerControl(Protocol):
    """The consumer, as far as an inbox needs it."""

    def pause_partition(self, partition: Partition) -> None:
        """Stop fetching this partition (backpressure)."""
        ...

    def resume_partition(self, partition: Partition) -> None:
        """Fetch this partition again."""
        ...

    def accept(self, partition: Partition, offset: int, after: int | None) -> bool:
        """Return whether this record is the one fetched next after `after`; None: the first of the assignment.

        Where records between them were fetched and did not arrive, return False and fetch them again, and this record
        with them.
        """
        ...


def position_of(delivery: Delivery) -> Position:
    """Return the place of a record: its topic, partition and offset."""
    return delivery.topic, delivery.partition, delivery.offset


class Queue(Protocol):
    """The order in which waiting records are handed out, and how many of them are available at the moment."""

    def __len__(self) -> int:
        """Return how many can be removed now. Where that grows without a new record, call `Inbox.recheck_queue`."""
        ...

    def append(self, delivery: Delivery) -> None:
        """Add a record."""
        ...

    def popleft(self) -> Delivery:
        """Remove and return the next record; there is one."""
        ...

    def __iter__(self) -> Iterator[Delivery]:
        """Yield all waiting records, those of a partition in its order."""
        ...

    def remove(self, delivery: Delivery) -> None:
        """Remove a waiting record."""
        ...

    def drop(self, partitions: Set[Partition]) -> None:
        """Remove the records of these partitions."""
        ...

    def end(self, delivery: Delivery) -> None:
        """Take note that a record that was handed out is finished or deferred; it may be so more than once."""
        ...


class Fifo(deque[Delivery]):
    """First in, first out."""

    def drop(self, partitions: Set[Partition]) -> None:
        """Remove the records of these partitions."""
        remaining = [delivery for delivery in self if (delivery.topic, delivery.partition) not in partitions]
        self.clear()
        self.extend(remaining)

    def end(self, _: Delivery) -> None:
        """Do nothing: what is handed out does not matter to what waits."""


def pause_switch(inbox: "Inbox") -> Callable[[str | None], None]:
    """Return a function that pauses the inbox when called with a reason, and resumes it when called with None."""
    paused_for: list[str] = []

    def switch(reason: str | None) -> None:
        while paused_for:
            inbox.resume(paused_for.pop())
        if reason is not None:
            paused_for.append(reason)
            inbox.pause(reason)

    return switch


def _unit_weight(_: Delivery) -> int:
    return 1


def weigh_by_size(delivery: Delivery) -> int:
    """Return 1, and 1 more for every full 2 KB of the record's value: the cap of an inbox then bounds memory."""
    return 1 + len(delivery.value or b"") // _BYTES_PER_UNIT


class Inbox:
    """Records of some topics, between delivery and acknowledgement.

    `cap` is the weight of unfinished records at which a partition is paused; at half of it the partition is resumed.
    """

    def __init__(
        self,
        topics: Iterable[str],
        cap: int,
        *,
        weigh: Callable[[Delivery], int] = _unit_weight,
        queue: Queue | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.topics = tuple(topics)
        self._cap = cap
        self._weigh = weigh
        self._clock = clock
        self._control: ConsumerControl | None = None
        self._trackers: dict[Partition, OffsetTracker[_Pending]] = {}
        self._paused_partitions: set[Partition] = set()
        self._queue: Queue = Fifo() if queue is None else queue
        self._admitted: deque[Delivery] = deque()
        self._in_flight: dict[Position, None] = {}
        self._deferred: set[Position] = set()
        self._available = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._closed = False
        self._pause_reasons: dict[str, None] = {}
        self.on_taken: Callable[[Delivery], object] = lambda _: None
        """Called with every record that `take` hands out, in that order."""
        self.on_ended: Callable[[Delivery], object] = lambda _: None
        """Called with every record that is finished or deferred."""
        self.finished = 0
        """Total number of finished records."""

    def attach(self, control: ConsumerControl) -> None:
        """Set the consumer; called once, before the first delivery."""
        self._control = control

    @property
    def queued(self) -> int:
        """Number of records that can be taken."""
        return len(self._queue)

    @property
    def in_flight(self) -> int:
        """Number of records that are taken and not finished; deferred ones do not count."""
        return len(self._in_flight)

    @property
    def oldest_in_flight(self) -> Position | None:
        """The record that has been in flight longest."""
        return next(iter(self._in_flight), None)

    @property
    def pause_reasons(self) -> tuple[str, ...]:
        """Why no records are handed out at the moment; empty where they are."""
        return tuple(self._pause_reasons)

    @property
    def draining(self) -> bool:
        """Whether no new work may begin, because the role stops."""
        return self._closed

    @property
    def unacknowledged(self) -> int:
        """Number of records that are delivered and not acknowledged, of all partitions."""
        return sum(len(tracker) for tracker in self._trackers.values())

    def unacknowledged_in(self, partition: Partition) -> tuple[int, datetime | None]:
        """Return how many records of a partition are not acknowledged, and the timestamp of the first of them."""
        tracker = self._trackers.get(partition)
        head = tracker.head if tracker is not None else None
        return (len(tracker), head.timestamp) if tracker is not None and head is not None else (0, None)

    def last_delivered(self, partition: Partition) -> int | None:
        """Return the highest offset delivered since the assignment, or None before the first delivery."""
        tracker = self._trackers.get(partition)
        return None if tracker is None else tracker.last_delivered

    def is_partition_paused(self, partition: Partition) -> bool:
        """Return whether the consumer was asked to stop fetching a partition."""
        return partition in self._paused_partitions

    def pause(self, reason: str) -> None:
        """Hand out no records until `resume` is called with the same reason; in-flight records continue."""
        self._pause_reasons[reason] = None
        self._available.clear()

    def resume(self, reason: str) -> None:
        """Withdraw one reason; without any left, records are handed out again."""
        self._pause_reasons.pop(reason, None)
        self.recheck_queue()

    def recheck_queue(self) -> None:
        """Wake `take` where the queue has records for it."""
        if self._can_take:
            self._available.set()

    @property
    def _can_take(self) -> bool:
        return not self._closed and bool(self._admitted or (self._queue and not self._pause_reasons))

    def queue_heads(self) -> list[Delivery]:
        """Return the first waiting record of each key: what may be handed out next without changing a key's order."""
        heads: dict[tuple[str, int, bytes | None], Delivery] = {}
        for delivery in self._queue:
            heads.setdefault((delivery.topic, delivery.partition, delivery.key), delivery)
        return list(heads.values())

    def admit(self, delivery: Delivery) -> None:
        """Hand out this waiting record next, alone, although the inbox is paused."""
        self._queue.remove(delivery)
        self._admitted.append(delivery)
        self.recheck_queue()

    def is_admitted_or_in_flight(self, position: Position) -> bool:
        """Return whether a record was admitted and not dropped by `revoke`, or was taken and is not finished."""
        return position in self._in_flight or any(position_of(each) == position for each in self._admitted)

    def deliver(self, delivery: Delivery, acknowledge: Acknowledge) -> None:
        """Accept a record from the stream. `acknowledge` is called once it and all before it are finished.

        A record that is in flight since an earlier assignment is not started again: the new acknowledgement follows
        when that work finishes.
        """
        partition = (delivery.topic, delivery.partition)
        tracker = self._trackers.setdefault(partition, OffsetTracker())
        if tracker.was_delivered(delivery.offset) or not self._accept(
            partition, delivery.offset, tracker.last_delivered
        ):
            return
        tracker.deliver(delivery.offset, _Pending(acknowledge, delivery.timestamp), self._weigh(delivery))
        if tracker.weight >= self._cap and self._control is not None:
            self._paused_partitions.add(partition)
            self._control.pause_partition(partition)
        position = position_of(delivery)
        if position not in self._in_flight and position not in self._deferred:
            self._queue.append(delivery)
            self.recheck_queue()

    def skip_gap(self, partition: Partition, after: int | None, end: int, acknowledge: Acknowledge) -> None:
        """Accept that there is no record between offset `after` and `end`; None: since the assignment.

        `acknowledge` is called once all records before are finished. A repeated call does nothing, nor does one while a
        record up to `after` has not been delivered yet.
        """
        tracker = self._trackers.setdefault(partition, OffsetTracker())
        if tracker.last_delivered == after and tracker.deliver(end - 1, _Pending(acknowledge, GAP_TIMESTAMP), 0):
            for pending in tracker.finish(end - 1):
                pending.acknowledge()

    async def take(self, limit: int, linger: float = 0.0) -> list[Delivery]:
        """Wait for records and return up to `limit`; after the first, wait up to `linger` seconds for more."""
        while True:
            while not self._can_take:
                self._available.clear()
                await self._available.wait()
            if self._admitted:
                return self._hand_out([self._admitted.popleft()])
            await self._await_rest_of_fetch(limit)
            if not self._queue or self._closed or self._pause_reasons:
                continue  # revoked, closed or paused meanwhile
            if not linger or len(self._queue) >= limit:
                break
            await self._fill(limit, linger)
            linger = 0.0
        return self._hand_out([self._queue.popleft() for _ in range(min(limit, len(self._queue)))])

    def _hand_out(self, taken: list[Delivery]) -> list[Delivery]:
        for delivery in taken:
            self._in_flight[position_of(delivery)] = None
            self._idle.clear()
            self.on_taken(delivery)
        if not self._queue:
            self._available.clear()
        return taken

    def finish(self, deliveries: Iterable[Delivery]) -> None:
        """Mark records finished: their effects are durable."""
        for delivery in deliveries:
            self.finished += 1
            self._queue.end(delivery)
            self.on_ended(delivery)
            partition = (delivery.topic, delivery.partition)
            self._in_flight.pop(position_of(delivery), None)
            tracker = self._trackers.get(partition)
            if tracker is None:
                continue
            for pending in tracker.finish(delivery.offset):
                pending.acknowledge()
            if partition in self._paused_partitions and tracker.weight <= self._cap // 2 and self._control is not None:
                self._paused_partitions.discard(partition)
                self._control.resume_partition(partition)
        if not self._in_flight:
            self._idle.set()

    def defer(self, delivery: Delivery) -> None:
        """Mark a taken record as waiting for a later time: a drain leaves it unfinished instead of waiting for it."""
        self._in_flight.pop(position_of(delivery), None)
        self._deferred.add(position_of(delivery))
        self._queue.end(delivery)
        self.on_ended(delivery)
        if not self._in_flight:
            self._idle.set()

    def resume_deferred(self, delivery: Delivery) -> None:
        """Mark a deferred record as in flight again."""
        self._deferred.discard(position_of(delivery))
        self._in_flight[position_of(delivery)] = None
        self._idle.clear()

    def requeue(self, delivery: Delivery) -> None:
        """Queue a deferred record again: it is handed out once more, unless its partition was revoked meanwhile.

        Where the partition is back and the record is not yet, it will be delivered as a new one.
        """
        self._deferred.discard(position_of(delivery))
        tracker = self._trackers.get((delivery.topic, delivery.partition))
        if tracker is not None and tracker.was_delivered(delivery.offset):
            self._queue.append(delivery)
            self.recheck_queue()

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """Drop the state and the queued records of partitions that were revoked; in-flight records continue."""
        revoked = set(partitions)
        for partition in revoked:
            self._trackers.pop(partition, None)
        self._paused_partitions -= revoked
        self._queue.drop(revoked)
        self._admitted = deque(each for each in self._admitted if (each.topic, each.partition) not in revoked)
        if not self._queue:
            self._available.clear()

    async def drain(self, timeout: float) -> bool:
        """Hand out no more records and wait until all in-flight ones are finished; False after `timeout` seconds."""
        self._closed = True
        self._available.clear()
        try:
            async with asyncio.timeout(timeout):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def _await_rest_of_fetch(self, limit: int) -> None:
        """Let the rest of a fetch arrive: Faust hands over one record in some passes of the event loop.

        While the event loop is busy, what has arrived is not kept waiting for the rest.
        """
        before, ends = 0, self._clock() + FETCH_SECONDS
        while before < len(self._queue) < limit and self._clock() < ends:
            before = len(self._queue)
            for _ in range(FETCH_PASSES):
                await asyncio.sleep(0)

    async def _fill(self, limit: int, linger: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(linger):
                while len(self._queue) < limit:
                    self._available.clear()
                    await self._available.wait()
        self.recheck_queue()

    def _accept(self, partition: Partition, offset: int, after: int | None) -> bool:
        return self._control is None or self._control.accept(partition, offset, after)
