"""Faust's Kafka transport, with changes that its settings do not allow.

- *Fetch wait.* Faust fixes how long a fetch waits at the broker; embedded brokers, which do not wake a waiting fetch,
  need a shorter wait.
- *No tasks per record.* Faust creates two tasks to hand on each record, a fifth of a role's CPU time; this transport
  creates none.
- *Quick polls under backpressure.* While partitions are paused, Faust may sleep for a second, or wait as long for the
  others; this transport polls again soon.
- *Retry at the start.* Faust gives up when the first broker does not answer; this transport retries with backoff.
- *Consumer errors.* Faust never asks the consumer for errors, and a consumer that could not join its group stops
  without a message. `fetch_states` asks.
- *A stop that ends.* Where partitions are moved while it stops, Faust closes the consumer, from another thread. It then
  can neither commit, which it tries without end, nor leave its group. This transport does both, within limits.
- *Commit before a rebalance.* Faust forgets acknowledgements since its last commit when partitions are revoked, and the
  records are processed again; this transport commits them first.
- *No lost records.* Faust drops some fetched records during a rebalance, takes the hole for a gap and commits past it;
  it also ignores records that are fetched again. This transport keeps the order of what was fetched, and leaves Faust's
  own record of it empty.
- *Committed records only.* Records of a transaction that was aborted are not for anybody.
- *Every batch.* Records that aiokafka cannot decode do not stop the consumer (`record_batches`).
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import aiokafka
from aiokafka.errors import KafkaConnectionError, KafkaError
from faust.exceptions import FaustError
from faust.transport.drivers import aiokafka as driver
from mode.threads import WorkerThread

from streams.broker_access import RETRY_SECONDS
from streams.errors import UnavailableError
from streams.faust_bridge.fetch_pacing import wait_for_more_while_flowing
from streams.faust_bridge.fetched_offsets import FetchedOffsets
from streams.faust_bridge.leaving import leave_within_limit
from streams.faust_bridge.record_batches import decode_every_batch
from streams.retry import Backoff

T = TypeVar("T")
logger = logging.getLogger(__name__)

PAUSED_POLL_SECONDS = 0.02
"""How soon a resumed partition is fetched again; a poll without records costs some 50 microseconds."""
LAST_COMMIT_SECONDS = 2.0
"""How long a commit may delay a rebalance, for which the rest of the group waits, or the end of the process."""
LONGEST_CONNECT_DELAY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class FetchState:
    """How far a partition is fetched, and where it ends at the broker.

    `position` is the next offset to fetch; None while it is unknown, which takes a coordinator of the group:
    `is_member` says whether there is one. `last` is the last offset fetched since the assignment: between it and
    `position` there are no records, only what compaction and transactions leave.
    """

    position: int | None
    end: int
    is_member: bool
    last: int | None = None


class NoReadOffsets(dict[Any, Any]):
    """Faust's record of the offsets it has read, always empty, so that it neither drops records nor finds gaps."""

    def __getitem__(self, partition: Any) -> None:
        return None


class ConsumerStoppedError(Exception):
    """The consumer has stopped permanently; it does not report that itself."""


class ContextThread(WorkerThread):
    """A consumer's thread that runs in the context of its creator, so that log records carry the role."""

    def __init__(self, service: Any, **options: Any) -> None:
        super().__init__(service, **options)
        self.context = copy_context()

    def run(self) -> None:
        """Run the consumer's event loop."""
        self.context.run(super().run)


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Creates the consumer with the configured fetch wait, and waits for a broker at the start."""

    Worker = ContextThread

    def __post_init__(self) -> None:
        super().__post_init__()
        self._fetched_assignment: Any = None
        self.fetched: dict[Any, FetchedOffsets] = {}
        """By partition, since the present assignment. Other threads only read it."""

    async def on_start(self) -> None:
        """Connect; retry with backoff while no broker answers."""
        for delay in Backoff(longest=LONGEST_CONNECT_DELAY_SECONDS):
            try:
                await super().on_start()
            except KafkaConnectionError as error:
                logger.warning("connecting again: %s", error)
                if self._consumer is not None:
                    await self._consumer.stop()
                await self.sleep(delay)
                if self.should_stop:
                    return
            else:
                self._set_fetch_pacing()
                return

    async def on_thread_stop(self) -> None:
        """Leave the group and stop, within a limit."""
        await leave_within_limit(self._consumer, super().on_thread_stop)

    def _set_fetch_pacing(self) -> None:
        app: Any = self.app
        consumer: Any = self._ensure_consumer()
        if app.fetch_more_seconds:
            wait_for_more_while_flowing(consumer._fetcher, app.fetch_more_seconds)

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        app: Any = self.app
        decode_every_batch()
        consumer._fetch_max_wait_ms = int(app.fetch_wait * 1000)
        consumer._retry_backoff_ms = int(RETRY_SECONDS * 1000)
        consumer._client._retry_backoff = RETRY_SECONDS
        # Producers may use transactions: what they abort was never asked for.
        consumer._isolation_level = "read_committed"
        return consumer

    async def _fetch_records(self, consumer: Any, *arguments: Any, **options: Any) -> Any:
        records = await super()._fetch_records(consumer, *arguments, **options)
        assignment = consumer._subscription.subscription.assignment
        if assignment is not self._fetched_assignment:
            self._fetched_assignment, self.fetched = assignment, {}
        for partition, batch in records.items():
            self.fetched.setdefault(partition, FetchedOffsets()).add(record.offset for record in batch)
        return records

    async def refetch(self, partition: Any, offset: int) -> None:
        """Fetch a partition again from `offset` on, if it is still assigned."""
        await self._run_in_thread(self._refetch(partition, offset))

    async def _refetch(self, partition: Any, offset: int) -> None:
        consumer: Any = self._ensure_consumer()
        if partition in consumer.assignment():
            consumer.seek(partition, offset)

    async def commit_before_rebalance(self, offsets: Mapping[Any, int]) -> None:
        """Commit before partitions are revoked. Where the commit fails, the records are processed again."""
        await self._run_in_thread(self._commit_before_rebalance(offsets))

    async def _commit_before_rebalance(self, offsets: Mapping[Any, int]) -> None:
        consumer: Any = self._ensure_consumer()
        try:
            async with asyncio.timeout(LAST_COMMIT_SECONDS):
                await consumer.commit(dict(offsets))
        except (KafkaError, TimeoutError) as error:
            logger.info("records finished since the last commit are processed again: %r", error)

    async def fetch_states(self) -> Mapping[Any, FetchState]:
        """Return how far each partition is fetched. Raises the error that keeps the consumer from its group."""
        return await self._run_in_thread(self._fetch_states())

    async def _run_in_thread(self, work: Coroutine[Any, Any, T]) -> T:
        # Faust's own queue has two workers, and a call that hangs would keep one of them from fetching and committing.
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.thread_loop))

    async def _fetch_states(self) -> Mapping[Any, FetchState]:
        consumer: Any = self._ensure_consumer()
        coordinator = consumer._coordinator
        if coordinator._coordination_task.done():
            cause = coordinator._coordination_task.exception()
            raise ConsumerStoppedError("the consumer has left its group for good") from cause
        coordinator.check_errors()
        assigned = sorted(consumer.assignment())
        ends = await consumer.end_offsets(assigned) if assigned else {}
        is_member = coordinator.coordinator_id is not None
        states = {}
        assignment = consumer._subscription.subscription.assignment
        for partition in consumer.assignment() & ends.keys():
            value = assignment.state_value(partition)
            position = value.position if value.has_valid_position else None
            fetched = self.fetched.get(partition) if assignment is self._fetched_assignment else None
            states[partition] = FetchState(position, ends[partition], is_member, fetched.last if fetched else None)
        return states


class Consumer(driver.Consumer):
    """Tracks what was fetched, commits before a rebalance and stays quick while partitions are paused."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._read_offset = NoReadOffsets()
        self._handed_on = 0
        app: Any = self.app
        self._records_at_once: int | None = app.records_at_once

    def fetched_offsets(self, partition: Any) -> FetchedOffsets:
        """Return what was fetched of a partition since it was assigned."""
        thread: Any = self._thread
        fetched: FetchedOffsets | None = thread.fetched.get(partition)
        return fetched or FetchedOffsets()

    def committed_offset(self, partition: Any) -> int | None:
        """Return the offset up to which a partition is committed, or None while that is unknown."""
        return self._committed_offset[partition]

    def add_gap(self, partition: Any, after: int | None, end: int) -> None:
        """Allow commits past the offsets between `after` and `end`; None: the committed offset."""
        first = after + 1 if after is not None else self._committed_offset[partition]
        if first is not None and first < end:
            self._gap[partition].addi(first, end)
            self._gap[partition].merge_overlaps()

    def skip_gap(self, partition: Any, after: int | None, end: int) -> None:
        """Let the partition be committed up to `end`: there are no records between `after` and it."""
        self.add_gap(partition, after, end - 1)
        if end - 1 not in self._acked_index[partition]:
            self._acked_index[partition].add(end - 1)
            self._acked[partition].append(end - 1)

    def forget_buffered(self, partitions: set[Any]) -> None:
        """Resume partitions whose buffer was reported full, which Faust does not do when they are revoked."""
        self._buffered_partitions -= partitions

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Commit finished records, which Faust would forget: the next owner of the partitions continues from there."""
        thread: Any = self._thread
        finished = self._filter_committable_offsets(revoked & self._acked.keys())
        if finished:
            await thread.commit_before_rebalance(finished)
        await super().on_partitions_revoked(revoked)

    async def on_stop(self) -> None:
        """Commit what was finished since the last commit; where the broker does not take it, it is processed again."""
        try:
            async with asyncio.timeout(LAST_COMMIT_SECONDS):
                if self._commit_fut is not None:
                    # Faust would wait for this commit and leave out what was finished since it began. It also ignores
                    # a cancellation meanwhile, unlike `wait`.
                    await asyncio.wait({self._commit_fut})
                await super().on_stop()
        except TimeoutError:
            logger.warning("records finished since the last commit are processed again: the broker does not commit")

    def close(self) -> None:
        """Do nothing: Faust calls this when partitions are moved while it stops, and the stop goes on."""

    async def refetch(self, partition: Any, offset: int) -> None:
        """Fetch a partition again from `offset` on, if it is still assigned."""
        thread: Any = self._thread
        await thread.refetch(partition, offset)

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def fetch_states(self) -> Mapping[Any, FetchState]:
        """Return how far each partition is fetched.

        Raises UnavailableError where the consumer has not started, KafkaError where the broker does not let it work at
        the moment, and ConsumerStoppedError.
        """
        thread: Any = self._thread
        try:
            states: Mapping[Any, FetchState] = await thread.fetch_states()
        except FaustError as error:
            raise UnavailableError(f"the consumer does not run: {error!r}") from error
        return states

    async def _wait_next_records(self, timeout: float) -> Any:
        if self._buffered_partitions and self.flow_active:
            if not self._get_active_partitions():
                await self.sleep(PAUSED_POLL_SECONDS)
                return {}, set()
            timeout = PAUSED_POLL_SECONDS
        return await super()._wait_next_records(timeout)

    async def wait_first(self, *work: Any, timeout: Any = None) -> Any:
        """Hand a record on without creating two tasks to watch for a rebalance meanwhile.

        While records flow, handing on waits for nothing but a stream's queue, which a role empties at once.
        """
        if not self.flow_active or self.suspend_flow.is_set():
            return await super().wait_first(*work, timeout=timeout)
        handing_on, *watches = work
        for watch in watches:
            watch.close()
        done = await handing_on
        self._handed_on += 1
        if self._records_at_once is not None and self._handed_on % self._records_at_once == 0:
            await asyncio.sleep(0)
        return done


class Transport(driver.Transport):
    """The transport of `RoleApp`."""

    Consumer: ClassVar[type[Any]] = Consumer
