"""Snapshots of committed offsets, and the check that every record below them had its effect by then."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

import orjson
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from posters.operations.kafka_client import headers_of
from schemas import topics

Place = tuple[str, int]
Poster = tuple[str, int]

FOLLOWED: Final = (
    topics.POSTER_REQUESTS,
    topics.POSTER_RENDERS,
    topics.POSTER_RENDERS_BULK,
    *topics.POSTER_RETRIES,
    topics.POSTER_COMPLETIONS,
    topics.JOB_CANCELLATIONS,
    topics.DEAD_LETTERS,
)
GROUPS: Final = ("intake", "render", "retry", "sink")
NEVER: Final = datetime.max.replace(tzinfo=UTC)
_WAIT_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OffsetSnapshot:
    """The committed offsets of each group, the ends of the topics just after, and the time after both."""

    committed: Mapping[str, Mapping[Place, int]]
    ends: Mapping[Place, int]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LocatedRecord:
    """A record with its topic, partition and offset."""

    topic: str
    partition: int
    offset: int
    key: bytes
    body: Any
    headers: Mapping[str, bytes]

    @property
    def is_ours(self) -> bool:
        """Whether the record names a job: what other producers write to our topics may be anything."""
        return isinstance(self.body, dict) and "job_id" in self.body

    @property
    def poster(self) -> Poster:
        """The poster that the record concerns."""
        return self.body["job_id"], self.body.get("poster_index", 0)


def take_snapshot(brokers: str) -> OffsetSnapshot:
    """Read the groups' offsets first and the ends of the topics afterwards. Raises KafkaException."""
    admin = AdminClient({"bootstrap.servers": brokers, "log_level": 0})
    asked = {group: admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]) for group in GROUPS}
    committed = {
        group: {
            (place.topic, place.partition): place.offset
            for place in answer[group].result(_WAIT_SECONDS).topic_partitions
            if place.offset >= 0
        }
        for group, answer in asked.items()
    }
    known = admin.list_topics(timeout=_WAIT_SECONDS).topics
    places = [TopicPartition(name, number) for name in FOLLOWED for number in known[name].partitions]
    ends = admin.list_offsets({place: OffsetSpec.latest() for place in places})
    return OffsetSnapshot(
        committed=committed,
        ends={(place.topic, place.partition): end.result(_WAIT_SECONDS).offset for place, end in ends.items()},
        at=datetime.now(UTC),
    )


@dataclass
class Effects:
    """All records of the topics, indexed by the record that caused them."""

    records: list[LocatedRecord] = field(default_factory=list)
    _rendered: dict[str, list[LocatedRecord]] = field(default_factory=dict)
    _ended: dict[Poster, list[LocatedRecord]] = field(default_factory=dict)
    _attempts: dict[Poster, list[LocatedRecord]] = field(default_factory=dict)
    _letters: dict[tuple[str, int, int], list[LocatedRecord]] = field(default_factory=dict)

    def add(self, record: LocatedRecord) -> None:
        """Add a record."""
        self.records.append(record)
        if record.topic == topics.DEAD_LETTERS:
            origin = (record.headers["dlq.topic"], record.headers["dlq.partition"], record.headers["dlq.offset"])
            place = (origin[0].decode(), int(origin[1]), int(origin[2]))
            self._letters.setdefault(place, []).append(record)
        elif not record.is_ours:
            return
        elif record.topic == topics.JOB_CANCELLATIONS:
            self._rendered.setdefault(record.body["job_id"], []).append(record)
        elif record.topic in (topics.POSTER_RENDERS, topics.POSTER_RENDERS_BULK):
            self._rendered.setdefault(record.body["job_id"], []).append(record)
            self._attempts.setdefault(record.poster, []).append(record)
        elif record.topic == topics.POSTER_COMPLETIONS:
            self._rendered.setdefault(record.body["job_id"], []).append(record)
            self._ended.setdefault(record.poster, []).append(record)
        elif record.topic in topics.POSTER_RETRIES:
            self._ended.setdefault(record.poster, []).append(record)

    def of(self, record: LocatedRecord) -> list[LocatedRecord]:
        """Return the records that exist because a group other than the sink processed this record."""
        letters = self._letters.get((record.topic, record.partition, record.offset), [])
        if not record.is_ours:
            return letters
        if record.topic == topics.POSTER_REQUESTS:
            return letters + self._rendered.get(record.body["job_id"], [])
        if record.topic in topics.POSTER_RETRIES:
            later = [
                each for each in self._attempts.get(record.poster, []) if each.body["attempt"] > record.body["tier"]
            ]
            return letters + later
        return letters + self._ended.get(record.poster, [])

    def before(self, group: str, snapshot: OffsetSnapshot) -> Iterator[LocatedRecord]:
        """Yield the records that a group had committed at the time of a snapshot."""
        committed = snapshot.committed[group]
        for record in self.records:
            if record.offset < committed.get((record.topic, record.partition), 0):
                yield record


def acknowledged_early(
    effects: Effects, snapshot: OffsetSnapshot, recorded: Mapping[Poster, datetime], may_vanish: Callable[[Any], bool]
) -> Iterator[str]:
    """Yield the records below a committed offset whose effect did not exist at the time of the snapshot.

    `recorded`: when the outcome of a poster was written to the tables; `may_vanish`: whether a record need not have an
    effect.
    """
    for group in ("intake", "render", "retry"):
        for record in effects.before(group, snapshot):
            places = ((each.topic, each.partition, each.offset) for each in effects.of(record))
            there = any(offset < snapshot.ends.get((topic, partition), 0) for topic, partition, offset in places)
            if not there and not may_vanish(record.body):
                yield f"{group}: {record.topic}[{record.partition}]@{record.offset} at {snapshot.at}"
    for record in effects.before("sink", snapshot):
        is_outcome = (
            record.topic == topics.POSTER_COMPLETIONS and record.is_ours and record.body.get("type") != "poster.erased"
        )
        if is_outcome and recorded.get(record.poster, NEVER) > snapshot.at:
            yield f"sink: {record.topic}[{record.partition}]@{record.offset} at {snapshot.at}"


def read_effects(brokers: str) -> Effects:
    """Read the topics from their beginning to their current end."""
    effects = Effects()
    consumer = Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": uuid4().hex,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
        }
    )
    known = consumer.list_topics(timeout=10).topics
    places = [TopicPartition(name, number, 0) for name in FOLLOWED for number in known[name].partitions]
    left = {}
    for place in places:
        first, end = consumer.get_watermark_offsets(place, timeout=10)
        if first < end:
            left[place.topic, place.partition] = end
    consumer.assign(places)
    while left:
        message = consumer.poll(10)
        assert message is not None, f"the broker returns nothing more, and {left} is unread"
        assert message.error() is None, message.error()
        record = _located(message)
        effects.add(record)
        if record.offset + 1 >= left.get((record.topic, record.partition), 0):
            left.pop((record.topic, record.partition), None)
    consumer.close()
    return effects


def _located(message: Any) -> LocatedRecord:
    try:
        body = orjson.loads(message.value() or b"null")
    except orjson.JSONDecodeError:
        body = None
    return LocatedRecord(
        topic=message.topic(),
        partition=message.partition(),
        offset=message.offset(),
        key=message.key() or b"",
        body=body,
        headers={name: value for name, value in headers_of(message) if isinstance(name, str) and value is not None},
    )
