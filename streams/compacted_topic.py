"""Reads a whole compacted topic and follows it, without a consumer group: every process has its full content."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from streams.broker_access import aiokafka_options
from streams.errors import AuthorizationError
from streams.faust_bridge.record_batches import UnreadableHeaders, decode_every_batch
from streams.faust_bridge.refusals import read_refusal, require_visible
from streams.settings import StreamSettings

logger = logging.getLogger(__name__)

OnRecord = Callable[[bytes | None, bytes | None], None]
RESTART_SECONDS: Final = 1.0


class CompactedTopicReader:
    """Calls `on_record(key, value)` for every record of `topic`, oldest first.

    `caught_up` is set once the records that were on the topic at the start have been read.
    """

    def __init__(self, topic: str, settings: StreamSettings, on_record: OnRecord) -> None:
        self.topic = settings.topic_prefix + topic
        self._settings = settings
        self._on_record = on_record
        self._task: asyncio.Task[None] | None = None
        self._positions: dict[TopicPartition, int] = {}
        self._newest: dict[bytes | None, tuple[int, int]] = {}
        self.caught_up = asyncio.Event()

    async def start(self) -> None:
        """Start reading, and return once the present records have been read. Raises AuthorizationError."""
        self._task = asyncio.create_task(self._run(), name=f"read {self.topic}")
        caught_up = asyncio.ensure_future(self.caught_up.wait())
        try:
            await asyncio.wait({self._task, caught_up}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            caught_up.cancel()
        if self._task.done():
            await self._task

    async def until_refused(self) -> None:
        """Read until cancelled. Raises AuthorizationError where this user may no longer read the topic."""
        if self._task is not None:
            # Cancelling the caller does not end the reading: `stop` does.
            await asyncio.shield(self._task)

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, AuthorizationError):
                await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._read()
            except (KafkaError, OSError) as error:
                refusal = read_refusal(error)
                if refusal is not None:
                    raise refusal from error
                logger.warning("reading %s again in %g s: %r", self.topic, RESTART_SECONDS, error)
            except Exception:
                # If this task ended, the role would continue with outdated content.
                logger.exception("reading %s again in %g s", self.topic, RESTART_SECONDS)
            await asyncio.sleep(RESTART_SECONDS)

    async def _read(self) -> None:
        decode_every_batch()
        consumer = AIOKafkaConsumer(
            **aiokafka_options(self._settings),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            fetch_max_wait_ms=int(self._settings.fetch_wait * 1000),
            max_partition_fetch_bytes=5 * 1024 * 1024,
        )
        await consumer.start()
        try:
            while True:
                partitions = await self._partitions(consumer)
                consumer.assign(partitions)
                for partition in partitions:
                    consumer.seek(partition, self._positions.get(partition, 0))
                ends = await consumer.end_offsets(partitions)
                await self._poll(consumer, {partition: end for partition, end in ends.items() if end > 0})
        finally:
            await consumer.stop()

    async def _partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        if not consumer.partitions_for_topic(self.topic):
            # A consumer has metadata only of topics it is assigned to; every topic has a partition 0.
            first = TopicPartition(self.topic, 0)
            consumer.assign([first])
            if self.topic not in await consumer.topics():
                await require_visible(consumer, self.topic)
                raise KafkaError(f"topic {self.topic} does not exist; run `posters setup`")
            await consumer.end_offsets([first])
        return [TopicPartition(self.topic, number) for number in consumer.partitions_for_topic(self.topic)]

    async def _poll(self, consumer: AIOKafkaConsumer, behind: dict[TopicPartition, int]) -> None:
        """Read until the topic gets more partitions than are assigned. `behind`: where catching up ends."""
        assigned = len(consumer.assignment())
        while len(consumer.partitions_for_topic(self.topic) or ()) <= assigned:
            for partition in list(behind):
                # The position passes the end even where the last offsets are compacted away.
                if await consumer.position(partition) >= behind[partition]:
                    del behind[partition]
            if not behind:
                self.caught_up.set()
            batches = await consumer.getmany(timeout_ms=100 if behind else 1000)
            for partition, records in batches.items():
                for record in records:
                    self._apply(record)
                    self._positions[partition] = record.offset + 1
        logger.info("%s has more partitions than before; reading all of them", self.topic)

    def _apply(self, record: Any) -> None:
        if isinstance(record.headers, UnreadableHeaders):
            logger.error("skipped a part of %s[%d]: %s", record.topic, record.partition, record.headers.reason)
        elif self._is_newest(record):
            self._on_record(record.key, record.value)

    def _is_newest(self, record: Any) -> bool:
        """Return whether no newer record of the key was read.

        After partitions are added, the records of one key are on two of them.
        """
        timestamp = -1 if record.timestamp is None else record.timestamp  # the oldest format of records has none
        newest = self._newest.get(record.key)
        if newest is not None and record.partition != newest[1] and timestamp < newest[0]:
            return False
        self._newest[record.key] = (timestamp, record.partition)
        return True
