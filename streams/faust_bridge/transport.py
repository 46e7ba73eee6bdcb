"""Faust's Kafka transport, with the things it does not let us set.

- It fixes how long a fetch waits at the broker; embedded brokers, which do not wake a waiting fetch, want less.
- It makes two tasks for every record it hands on, a fifth of a role's time; ours makes none.
- While partitions are held back it may sleep a whole second, or wait as long on the others; we look again soon.
- It gives up at the first broker that does not answer at the start; we ask again.
- It never asks the consumer what is wrong with it, and a consumer that nobody asks stops for good where it could not
  join its group.
- What was acknowledged since its last commit it forgets when partitions are moved, and they are worked on again.
- What it drops while partitions are moved it does not fetch again; it takes the hole for a gap, and commits over it.
  Nor does it take what is fetched again. So we keep the order of what was fetched, and it keeps none.
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import aiokafka
from aiokafka.errors import KafkaConnectionError, KafkaError
from faust.transport.drivers import aiokafka as driver

from streams.broker_access import RETRY_SECONDS
from streams.faust_bridge.fetch_pacing import wait_for_more_while_flowing
from streams.faust_bridge.fetched_offsets import FetchedOffsets

T = TypeVar("T")
logger = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 0.02
"""How soon a partition that was let go is fetched again; an idle look costs some 50 microseconds."""
LAST_COMMIT_SECONDS = 2.0
"""For so long the rest of the group waits for a commit before partitions are moved."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """How far a partition is fetched, and where it ends at the broker.

    `position` is None while it is not known where to begin, which takes a coordinator of the group: `is_member` says
    whether there is one. `last` is the offset of the last record that was fetched since the partition was assigned:
    between it and the position are no records, but what compaction and transactions leave.
    """

    position: int | None
    end: int
    is_member: bool
    last: int | None = None


class NothingRead(dict[Any, Any]):
    """What Faust believes to have read of a partition: nothing. It neither drops records then nor finds gaps."""

    def __getitem__(self, partition: Any) -> None:
        return None


class ConsumerStoppedError(Exception):
    """The consumer will never read again, and does not say so by itself."""


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Creates the consumer with our fetch wait, and waits for a broker at the start."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._assignment: Any = None
        self.chains: dict[Any, FetchedOffsets] = {}
        """By partition, since the present assignment. Others only read it."""

    async def on_start(self) -> None:
        """Connect, however long that takes."""
        while True:
            try:
                await super().on_start()
            except KafkaConnectionError as error:
                logger.warning("connecting again: %s", error)
                if self._consumer is not None:
                    await self._consumer.stop()
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._set_pace()
                return

    def _set_pace(self) -> None:
        app: Any = self.app
        consumer: Any = self._ensure_consumer()
        if app.fetch_more_seconds:
            wait_for_more_while_flowing(consumer._fetcher, app.fetch_more_seconds)

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        app: Any = self.app
        consumer._fetch_max_wait_ms = int(app.fetch_wait * 1000)
        consumer._retry_backoff_ms = int(RETRY_SECONDS * 1000)
        consumer._client._retry_backoff = RETRY_SECONDS
        return consumer

    async def _fetch_records(self, consumer: Any, *arguments: Any, **options: Any) -> Any:
        records = await super()._fetch_records(consumer, *arguments, **options)
        assignment = consumer._subscription.subscription.assignment
        if assignment is not self._assignment:
            self._assignment, self.chains = assignment, {}
        for partition, fetched in records.items():
            self.chains.setdefault(partition, FetchedOffsets()).add(record.offset for record in fetched)
        return records

    async def reread(self, partition: Any, offset: int) -> None:
        """Fetch a partition from `offset` on, if it is still ours."""
        await self._in_thread(self._reread(partition, offset))

    async def _reread(self, partition: Any, offset: int) -> None:
        consumer: Any = self._ensure_consumer()
        if partition in consumer.assignment():
            consumer.seek(partition, offset)

    async def commit_last(self, offsets: Mapping[Any, int]) -> None:
        """Commit before partitions are moved. Where the group takes it no more, they are worked on again."""
        await self._in_thread(self._commit_last(offsets))

    async def _commit_last(self, offsets: Mapping[Any, int]) -> None:
        consumer: Any = self._ensure_consumer()
        try:
            async with asyncio.timeout(LAST_COMMIT_SECONDS):
                await consumer.commit(dict(offsets))
        except (KafkaError, TimeoutError) as error:
            logger.info("what was finished lately is worked on again: %r", error)

    async def look(self) -> Mapping[Any, Fetched]:
        """Return how far each partition is fetched. Raises what keeps the consumer from its group."""
        return await self._in_thread(self._look())

    async def _in_thread(self, work: Coroutine[Any, Any, T]) -> T:
        # Faust's own way has two places, and a call that hangs keeps one of them from fetching and committing.
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.thread_loop))

    async def _look(self) -> Mapping[Any, Fetched]:
        consumer: Any = self._ensure_consumer()
        coordinator = consumer._coordinator
        if coordinator._coordination_task.done():
            why = coordinator._coordination_task.exception()
            raise ConsumerStoppedError("the consumer has left its group for good") from why
        coordinator.check_errors()
        assigned = sorted(consumer.assignment())
        ends = await consumer.end_offsets(assigned) if assigned else {}
        is_member = coordinator.coordinator_id is not None
        found = {}
        assignment = consumer._subscription.subscription.assignment
        for partition in consumer.assignment() & ends.keys():
            state = assignment.state_value(partition)
            position = state.position if state.has_valid_position else None
            chain = self.chains.get(partition) if assignment is self._assignment else None
            found[partition] = Fetched(position, ends[partition], is_member, chain.last if chain else None)
        return found


class Consumer(driver.Consumer):
    """Consumes, and stays quick while partitions are held back."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._read_offset = NothingRead()

    def chain(self, partition: Any) -> FetchedOffsets:
        """Return what was fetched of a partition since it was assigned."""
        thread: Any = self._thread
        chain: FetchedOffsets | None = thread.chains.get(partition)
        return chain or FetchedOffsets()

    def add_gap(self, partition: Any, after: int | None, end: int) -> None:
        """Let the partition be committed over what may be between `after`, None: what is committed, and `end`."""
        first = after + 1 if after is not None else self._committed_offset[partition]
        if first is not None and first < end:
            self._gap[partition].addi(first, end)
            self._gap[partition].merge_overlaps()

    def pass_over(self, partition: Any, after: int | None, end: int) -> None:
        """Let the partition be committed up to `end`: there are no records between `after` and it."""
        self.add_gap(partition, after, end - 1)
        if end - 1 not in self._acked_index[partition]:
            self._acked_index[partition].add(end - 1)
            self._acked[partition].append(end - 1)

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Commit what is finished, which Faust would forget: whoever gets the partitions goes on from there."""
        thread: Any = self._thread
        finished = self._filter_committable_offsets(revoked & self._acked.keys())
        if finished:
            await thread.commit_last(finished)
        await super().on_partitions_revoked(revoked)

    async def reread(self, partition: Any, offset: int) -> None:
        """Fetch a partition from `offset` on, if it is still ours."""
        thread: Any = self._thread
        await thread.reread(partition, offset)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def look(self) -> Mapping[Any, Fetched]:
        """Return how far each partition is fetched.

        Raises KafkaError where the broker does not let the consumer work at the moment, and ConsumerStoppedError.
        """
        thread: Any = self._thread
        found: Mapping[Any, Fetched] = await thread.look()
        return found

    async def _wait_next_records(self, timeout: float) -> Any:
        if self._buffered_partitions and self.flow_active:
            if not self._get_active_partitions():
                await self.sleep(LOOK_AGAIN_SECONDS)
                return {}, set()
            timeout = LOOK_AGAIN_SECONDS
        return await super()._wait_next_records(timeout)

    async def wait_first(self, *work: Any, timeout: Any = None) -> Any:
        """Hand a record on without making two tasks to watch for a rebalance meanwhile.

        While records flow, handing on never waits for anything but a stream's queue, which ours empty at once.
        """
        if not self.flow_active or self.suspend_flow.is_set():
            return await super().wait_first(*work, timeout=timeout)
        handing_on, *watches = work
        for watch in watches:
            watch.close()
        return await handing_on


class Transport(driver.Transport):
    """What `RoleApp` uses in place of Faust's own."""

    Consumer: ClassVar[type[Any]] = Consumer
