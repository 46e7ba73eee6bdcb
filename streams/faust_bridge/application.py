"""One Faust app and one consumer group per role, set up so that no record is lost."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

import faust
import faust.streams
from faust.app.base import BootStrategy
from faust.tables.manager import TableManager
from faust.types import TP
from faust.types.auth import CredentialsT
from prometheus_client import Counter

from streams.broker_access import METADATA_SECONDS, tls_context
from streams.delivery import Delivery
from streams.faust_bridge.transport import Transport
from streams.inbox import Inbox, Partition
from streams.metrics import REBALANCES, RECEIVED
from streams.publisher import KafkaPublisher
from streams.settings import StreamSettings
from streams.topics import EDGES, MEBIBYTE, Role

logger = logging.getLogger(__name__)

NEVER = 86_400.0
"""A member that exceeds its poll interval leaves the group and does not come back, so the limit is a day; lack of
progress is the watchdog's business."""


class ConsumerSource:
    """Holds partitions back without dropping what is already fetched, and fetches again what did not arrive.

    `pause_partitions` would drop it: Faust skips the rest of a fetched batch once its partition is paused.
    `on_buffer_full`, its own answer to a full buffer, delivers that rest.
    """

    def __init__(self, app: faust.App) -> None:
        self._app = app
        self._rereading: dict[Partition, asyncio.Task[None]] = {}

    def hold(self, partition: Partition) -> None:
        """Fetch no more of this partition for now."""
        self._app.consumer.on_buffer_full(TP(*partition))

    def release(self, partition: Partition) -> None:
        """Fetch this partition again."""
        self._app.consumer.on_buffer_drop(TP(*partition))

    def admit(self, partition: Partition, offset: int, after: int | None) -> bool:
        """Say whether this record comes next; what is missing before it is fetched again, and this one with it."""
        consumer: Any = self._app.consumer
        tp = TP(*partition)
        if not consumer.chain(tp).follows(offset, after):
            self.reread(partition, after)
            return False
        consumer.add_gap(tp, after, offset)
        return True

    def reread(self, partition: Partition, after: int | None) -> None:
        """Fetch again what comes after `after`, None: after the assignment."""
        consumer: Any = self._app.consumer
        first = consumer.chain(TP(*partition)).next(after)
        if first is not None and partition not in self._rereading:
            logger.warning("%s[%d]@%d was fetched and did not arrive; it is fetched again", *partition, first)
            task = asyncio.ensure_future(consumer.reread(TP(*partition), first))
            self._rereading[partition] = task
            task.add_done_callback(lambda done: self._reread(partition, done))

    def _reread(self, partition: Partition, done: "asyncio.Task[None]") -> None:
        del self._rereading[partition]
        if not done.cancelled() and done.exception() is not None:
            logger.warning("%s[%d] is not fetched again yet: %r", *partition, done.exception())


class ConsumerOnly(BootStrategy):
    """Starts no Faust producer: roles publish through their own."""

    enable_kafka_producer = False


class NoTables(TableManager):
    """Waits for no tables: Faust gives an app a second to name those it has."""

    async def on_start(self) -> None:
        """Start what comes after that wait."""
        if not self.should_stop:
            await self._update_channels()
            await self.recovery.start()


class RoleApp(faust.App):
    """A role's Faust app: its consumer group, its inboxes and its own way to stop."""

    BootStrategy = ConsumerOnly

    def __init__(self, role: Role, settings: StreamSettings, inboxes: Sequence[Inbox]) -> None:
        self.role = role
        self.inboxes = tuple(inboxes)
        self.fetch_wait = settings.fetch_wait
        self.fetch_more_seconds = min(EDGES[role].fetch_more_seconds, settings.fetch_wait)
        self._drain_timeout = settings.drain_timeout
        self._before_stop: list[Callable[[], Awaitable[None]]] = []
        self._given_up = asyncio.Event()
        super().__init__(role, **_configuration(role, settings))
        self.transport = Transport(self._broker_urls(), self, loop=self.loop)
        self.publisher = KafkaPublisher(settings)
        self.source = ConsumerSource(self)
        for inbox in self.inboxes:
            inbox.attach(self.source)
            for topic in inbox.topics:
                self.agent(self._raw_topic(topic), name=f"{role}:{topic}")(
                    _receiver(inbox, RECEIVED.labels(role, topic))
                )
        self.on_partitions_revoked.connect(self._revoked, weak=False)
        self.on_partitions_assigned.connect(self._assigned, weak=False)

    def before_stop(self, action: Callable[[], Awaitable[None]]) -> None:
        """Call `action` after the last record is finished and before the consumer leaves its group."""
        self._before_stop.append(action)

    def pass_over(self, partition: Partition, after: int | None, end: int) -> None:
        """Let a partition be committed up to `end` once its records are finished: after `after` there are none."""
        consumer: Any = self.consumer
        tp = TP(*partition)
        if consumer._committed_offset[tp] != end:
            for inbox in self.inboxes:
                if tp.topic in inbox.topics:
                    inbox.pass_over(partition, after, end, lambda: consumer.pass_over(tp, after, end))

    async def until_crashed(self) -> NoReturn:
        """Wait until Faust gives up, and raise why.

        It tells nobody by itself: the consumer would read nothing any more, and hold its partitions for ever.
        """
        await self._given_up.wait()
        raise RuntimeError(f"{self.role}: the consumer has given up") from self.crash_reason

    async def on_stop(self) -> None:
        """Stop handing out, finish what is in hand, commit, leave."""
        drained = await asyncio.gather(*(inbox.drain(self._drain_timeout) for inbox in self.inboxes))
        if not all(drained):
            logger.warning("%s: unfinished after %g s; it will be delivered again", self.role, self._drain_timeout)
        for action in self._before_stop:
            await action()
        await super().on_stop()
        await self.publisher.close()

    def _crash(self, reason: BaseException) -> None:
        super()._crash(reason)
        # The consumer's thread calls this.
        self.loop.call_soon_threadsafe(self._given_up.set)

    def _create_directories(self) -> None:
        """Make none: Faust's are for tables, which we do not have, and the working directory may be read-only."""

    def _broker_urls(self) -> list[Any]:
        return list(self.conf.broker)

    def _raw_topic(self, name: str) -> Any:
        return self.topic(name, key_serializer="raw", value_serializer="raw", key_type=bytes, value_type=bytes)

    async def _assigned(self, _: Any, /, *assigned: Any, **__: Any) -> None:
        # What came meanwhile is of no assignment, or is fetched once more.
        self._forget([(tp.topic, tp.partition) for tps in assigned for tp in tps])

    async def _revoked(self, _: Any, /, *revoked: Any, **__: Any) -> None:
        REBALANCES.labels(self.role).inc()
        self._forget([(tp.topic, tp.partition) for tps in revoked for tp in tps])

    def _forget(self, partitions: Sequence[Partition]) -> None:
        for inbox in self.inboxes:
            inbox.revoke(partitions)
        # Faust forgets what it paused, but not what we held back.
        consumer: Any = self.consumer
        consumer._buffered_partitions -= {TP(*partition) for partition in partitions}


def _receiver(inbox: Inbox, received: Counter) -> Callable[[Any], Awaitable[None]]:
    async def receive(stream: Any) -> None:
        async for first in stream.noack().events():
            for event in (first, *_waiting(stream)):
                received.inc()
                inbox.deliver(_delivery(event.message), event.ack)

    return receive


def _waiting(stream: Any) -> Iterator[Any]:
    """Yield what else has come to a stream.

    Its own iteration lets the event loop go round for each: under load thousands would lie there, of which neither the
    cap of a role nor the look for records that did not arrive knows. Like it, this leaves out what is of an assignment
    that is over.
    """
    app, queue = stream.app, stream.channel.queue
    while not queue.empty():
        event = queue.get_nowait()
        if app.flow_control.is_active() and event.message.generation_id == app.consumer_generation_id:
            yield event


def _delivery(message: Any) -> Delivery:
    # event.headers is a dict and loses repeated names; the message keeps them all.
    return Delivery(
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        timestamp=datetime.fromtimestamp(message.timestamp, UTC),
        key=message.key,
        value=message.value,
        headers=tuple(message.headers.items() if isinstance(message.headers, dict) else message.headers or ()),
    )


def _configuration(role: Role, settings: StreamSettings) -> dict[str, Any]:
    edges = EDGES[role]
    return {
        "broker": [f"kafka://{address.strip()}" for address in settings.brokers.split(",")],
        "broker_credentials": _credentials(settings),
        "autodiscover": False,
        "web_enabled": False,
        "topic_disable_leader": True,
        "TableManager": NoTables,
        "topic_allow_declare": False,
        "stream_wait_empty": False,
        "broker_max_poll_interval": NEVER,
        "broker_max_poll_records": edges.poll_records,
        "broker_commit_interval": 1.0,
        "broker_session_timeout": settings.session_timeout,
        "broker_heartbeat_interval": settings.session_timeout / 10,
        "broker_request_timeout": settings.session_timeout + 15,
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": f"{settings.instance}-{role}" if settings.instance else None,
        "consumer_max_fetch_size": 5 * MEBIBYTE,
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
    """Raise RuntimeError where Faust runs without its compiled stream: the other one acknowledges stale records."""
    if getattr(faust.streams, "_CStreamIterator", None) is None:
        raise RuntimeError(
            "faust-streaming is installed without its compiled parts, which would lose records after a rebalance; "
            "reinstall it from a wheel, without NO_CYTHON"
        )
