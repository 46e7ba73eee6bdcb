"""The Faust application of a role: one consumer group, configured and changed so that no record is lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NoReturn

import faust
import faust.streams
from faust.app.base import BootStrategy
from faust.tables.manager import TableManager
from faust.types import TP
from faust.types.auth import CredentialsT
from prometheus_client import Counter

from streams.broker_access import METADATA_SECONDS, tls_context
from streams.delivery import Delivery, arrival_time
from streams.faust_bridge.record_batches import UnreadableHeaders
from streams.faust_bridge.refusals import read_refusal
from streams.faust_bridge.transport import Transport
from streams.inbox import Inbox, Partition
from streams.metrics import REBALANCES, RECEIVED
from streams.publisher import KafkaPublisher
from streams.settings import StreamSettings
from streams.topics import EDGES, MEBIBYTE, TOPICS, Role

logger = logging.getLogger(__name__)

FETCH_BYTES: Final = 5 * MEBIBYTE
"""What a fetch may return of one partition, where no record is larger."""
_LOG_APPEND_TIME: Final = 1
"""Kafka's type of timestamps that the broker sets."""
MAX_POLL_INTERVAL_SECONDS = 86_400.0
"""A member that exceeds its poll interval leaves the group and does not rejoin, so the limit is a day; the watchdog
detects a lack of progress."""


class FaustConsumerControl:
    """Pauses and resumes partitions without dropping fetched records, and fetches lost records again.

    Faust's `pause_partitions` drops records: it skips the rest of a fetched batch once its partition is paused.
    `on_buffer_full`, made for its own full buffers, delivers that rest.
    """

    def __init__(self, app: "RoleApp") -> None:
        self._app = app
        self._refetching: dict[Partition, asyncio.Task[None]] = {}

    def pause_partition(self, partition: Partition) -> None:
        """Stop fetching this partition (backpressure)."""
        self._app.consumer.on_buffer_full(self._app.tp_of(partition))

    def resume_partition(self, partition: Partition) -> None:
        """Fetch this partition again."""
        self._app.consumer.on_buffer_drop(self._app.tp_of(partition))

    def accept(self, partition: Partition, offset: int, after: int | None) -> bool:
        """Return whether this record comes next; otherwise fetch the missing ones again, and this one with them."""
        consumer: Any = self._app.consumer
        tp = self._app.tp_of(partition)
        if not consumer.fetched_offsets(tp).is_next(offset, after):
            self.refetch(partition, after)
            return False
        consumer.add_gap(tp, after, offset)
        return True

    def refetch(self, partition: Partition, after: int | None) -> None:
        """Fetch again the records after `after`; None: after the assignment."""
        consumer: Any = self._app.consumer
        tp = self._app.tp_of(partition)
        first = consumer.fetched_offsets(tp).next_after(after)
        if first is not None and partition not in self._refetching:
            logger.warning("%s[%d]@%d was fetched and did not arrive; it is fetched again", *partition, first)
            task = asyncio.ensure_future(consumer.refetch(tp, first))
            self._refetching[partition] = task
            task.add_done_callback(lambda done: self._on_refetched(partition, done))

    def _on_refetched(self, partition: Partition, done: "asyncio.Task[None]") -> None:
        del self._refetching[partition]
        if not done.cancelled() and done.exception() is not None:
            logger.warning("%s[%d] is not fetched again yet: %r", *partition, done.exception())


class ConsumerOnly(BootStrategy):
    """Starts no Faust producer: roles publish through `KafkaPublisher`."""

    enable_kafka_producer = False


class NoTables(TableManager):
    """Starts without waiting for tables: Faust waits a second for an app to define them."""

    async def on_start(self) -> None:
        """Do what follows that wait."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class RoleApp(faust.App):
    """The Faust app of a role: its consumer group, its inboxes and its graceful shutdown."""

    BootStrategy = ConsumerOnly

    def __init__(
        self,
        role: Role,
        settings: StreamSettings,
        inboxes: Sequence[Inbox],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.role = role
        self.inboxes = tuple(inboxes)
        self.fetch_wait = settings.fetch_wait
        self.records_at_once = EDGES[role].records_at_once
        self.fetch_more_seconds = min(EDGES[role].fetch_more_seconds, settings.fetch_wait)
        self._drain_timeout = settings.drain_timeout
        self._crash_seen = asyncio.Event()
        self._topic_prefix = settings.topic_prefix
        # Faust names the consumer group after the app.
        consumed = [topic for inbox in self.inboxes for topic in inbox.topics]
        super().__init__(settings.topic_prefix + role, **_configuration(role, settings, consumed))
        self.transport = Transport(self._broker_urls(), self, loop=self.loop)
        self.publisher = KafkaPublisher(settings)
        self.consumer_control = FaustConsumerControl(self)
        for inbox in self.inboxes:
            inbox.attach(self.consumer_control)
            for topic in inbox.topics:
                self.agent(self._raw_topic(topic), name=f"{role}:{topic}")(
                    _receiver(topic, inbox, RECEIVED.labels(role, topic), now)
                )
        self.on_partitions_revoked.connect(self._on_revoked, weak=False)
        self.on_partitions_assigned.connect(self._on_assigned, weak=False)

    def tp_of(self, partition: Partition) -> TP:
        """Return the broker's name of a partition: with the prefix of the topics."""
        return TP(self._topic_prefix + partition[0], partition[1])

    def partition_of(self, tp: Any) -> Partition:
        """Return our name of a partition of the broker: without the prefix."""
        return tp.topic.removeprefix(self._topic_prefix), tp.partition

    def skip_gap(self, partition: Partition, after: int | None, end: int) -> None:
        """Commit a partition up to `end` once its records are finished: after `after` there are none."""
        consumer: Any = self.consumer
        tp = self.tp_of(partition)
        if consumer.committed_offset(tp) != end:
            for inbox in self.inboxes:
                if partition[0] in inbox.topics:
                    inbox.skip_gap(partition, after, end, lambda: consumer.skip_gap(tp, after, end))

    async def until_crashed(self) -> NoReturn:
        """Wait until Faust crashes, and raise its reason.

        Faust reports that to nobody: the consumer would stop reading and keep its partitions. Raises RuntimeError, and
        AuthorizationError where this user may not consume.
        """
        await self._crash_seen.wait()
        refusal = read_refusal(self.crash_reason, self.role)
        if refusal is not None:
            raise refusal from self.crash_reason
        raise RuntimeError(f"{self.role}: the consumer has given up") from self.crash_reason

    async def stop(self) -> None:
        """Shut down gracefully: stop handing out records, finish those in flight, commit, leave the group.

        During the drain it is a member like any other. Faust keeps only half the rules of a rebalance once it stops.
        """
        drained = await asyncio.gather(*(inbox.drain(self._drain_timeout) for inbox in self.inboxes))
        if not all(drained):
            logger.warning("%s: unfinished after %g s; its records are delivered again", self.role, self._drain_timeout)
        await super().stop()

    async def on_stop(self) -> None:
        """Stop fetching and publishing."""
        await super().on_stop()
        await self.publisher.close()

    def _crash(self, reason: BaseException) -> None:
        super()._crash(reason)
        # Called in the consumer's thread.
        self.loop.call_soon_threadsafe(self._crash_seen.set)

    def _create_directories(self) -> None:
        """Create none: Faust needs them for tables, which no role has, and the working directory may be read-only."""

    def _broker_urls(self) -> list[Any]:
        return list(self.conf.broker)

    def _raw_topic(self, name: str) -> Any:
        name = self._topic_prefix + name
        return self.topic(name, key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes)

    async def _on_assigned(self, _: Any, /, *assigned: Any, **__: Any) -> None:
        # Records that arrived meanwhile belong to no assignment, or are fetched once more.
        self._revoke([self.partition_of(tp) for tps in assigned for tp in tps])

    async def _on_revoked(self, _: Any, /, *revoked: Any, **__: Any) -> None:
        REBALANCES.labels(self.role).inc()
        self._revoke([self.partition_of(tp) for tps in revoked for tp in tps])

    def _revoke(self, partitions: Sequence[Partition]) -> None:
        for inbox in self.inboxes:
            inbox.revoke(partitions)
        consumer: Any = self.consumer
        consumer.forget_buffered({self.tp_of(partition) for partition in partitions})


def _receiver(
    topic: str, inbox: Inbox, received: Counter, now: Callable[[], datetime]
) -> Callable[[Any], Awaitable[None]]:
    async def receive(stream: Any) -> None:
        async for first in stream.noack().events():
            for event in (first, *_queued_events(stream)):
                received.inc()
                inbox.deliver(_delivery(topic, event.message, now()), event.ack)

    return receive


def _queued_events(stream: Any) -> Iterator[Any]:
    """Yield the other events in the queue of a stream.

    Faust's iteration runs the event loop once for each event: under load thousands would wait in the queue, invisible
    to the cap of a role and to the detection of lost records. Like that iteration, this drops events of an assignment
    that has ended.
    """
    app, queue = stream.app, stream.channel.queue
    while not queue.empty():
        event = queue.get_nowait()
        if app.flow_control.is_active() and event.message.generation_id == app.consumer_generation_id:
            yield event


def _delivery(topic: str, message: Any, now: datetime) -> Delivery:
    # event.headers is a dict and loses repeated names; the message keeps them all.
    headers = message.headers
    milliseconds = None if message.timestamp is None else round(message.timestamp * 1000)
    return Delivery(
        topic=topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=arrival_time(milliseconds, now, by_producer=message.timestamp_type != _LOG_APPEND_TIME),
        key=message.key,
        value=message.value,
        headers=tuple(headers.items() if isinstance(headers, dict) else headers or ()),
        stamped=milliseconds,
        unreadable=headers.reason if isinstance(headers, UnreadableHeaders) else None,
    )


def _configuration(role: Role, settings: StreamSettings, consumed: Iterable[str]) -> dict[str, Any]:
    edges = EDGES[role]
    # A topic of a source is made like the shared one whose name comes before the dot.
    shared = {topic.partition(".")[0] for topic in consumed}
    largest = max((topic.max_message_bytes for topic in TOPICS if topic.name in shared), default=0)
    return {
        "broker": [f"kafka://{address.strip()}" for address in settings.brokers.split(",")],
        "broker_credentials": _credentials(settings),
        "autodiscover": False,
        "web_enabled": False,
        "topic_disable_leader": True,
        "TableManager": NoTables,
        "topic_allow_declare": False,
        "stream_wait_empty": False,
        "broker_max_poll_interval": MAX_POLL_INTERVAL_SECONDS,
        "broker_max_poll_records": edges.poll_records,
        "broker_commit_interval": 1.0,
        "broker_session_timeout": settings.session_timeout,
        "broker_heartbeat_interval": settings.session_timeout / 10,
        "broker_request_timeout": settings.session_timeout + 15,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": f"{settings.instance}-{role}" if settings.instance else None,
        "consumer_max_fetch_size": max(FETCH_BYTES, largest + MEBIBYTE),
        "consumer_metadata_max_age_ms": int(METADATA_SECONDS * 1000),
    }


def _credentials(settings: StreamSettings) -> CredentialsT | None:
    match settings.broker_security:
        case "plaintext":
            return None
        case "ssl":
            return faust.SSLCredentials(context=tls_context(settings))
        case security:
            return faust.SASLCredentials(
                username=settings.broker_username,
                password=settings.broker_password,
                mechanism=settings.broker_sasl,
                ssl_context=tls_context(settings) if security == "sasl_ssl" else None,
            )


def require_cython() -> None:
    """Raise RuntimeError where Faust runs without its compiled stream; the other acknowledges stale records."""
    if getattr(faust.streams, "_CStreamIterator", None) is None:
        raise RuntimeError(
            "faust-streaming is installed without its compiled parts, which would lose records after a rebalance; "
            "reinstall it from a wheel, without NO_CYTHON"
        )
